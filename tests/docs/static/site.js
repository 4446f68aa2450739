// Lets long names in tables break after an underscore.
addEventListener("DOMContentLoaded", () => {
  for (const name of document.querySelectorAll("table code .pre")) {
    name.innerHTML = name.innerHTML.replaceAll("_", "_<wbr>");
  }
});

// Draws the diagrams of a page with Mermaid, and again when the page becomes dark or light.
{
  const library = new URL("mermaid.min.js", document.currentScript.src);
  const night = matchMedia("(prefers-color-scheme: dark)");
  const diagrams = new Map();

  const draw = () => {
    const { theme } = document.body.dataset;
    const dark = theme === "dark" || (theme !== "light" && night.matches);
    mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "neutral" });
    for (const [element, text] of diagrams) {
      element.removeAttribute("data-processed");
      element.textContent = text;
    }
    mermaid.run({ nodes: [...diagrams.keys()] });
  };

  addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("pre.mermaid")) {
      diagrams.set(element, element.textContent);
    }
    if (diagrams.size === 0) return;
    const script = document.createElement("script");
    script.src = library;
    script.onload = () => {
      draw();
      new MutationObserver(draw).observe(document.body, { attributeFilter: ["data-theme"] });
      night.addEventListener("change", draw);
    };
    document.head.append(script);
  });
}
