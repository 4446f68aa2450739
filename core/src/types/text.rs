//! Which characters a message may contain.

/// Whether a character is safe in a log: it neither breaks lines, nor reorders text, nor is
/// invisible.
pub(crate) fn is_harmless(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // direction marks
            | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // zero width
            | '\u{2028}' | '\u{2029}' // line and paragraph separators
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // embeddings, overrides, isolates
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e007f}' // tags
    );
    !c.is_control() && !hidden
}
