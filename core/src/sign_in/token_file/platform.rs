//! What a credential file keeps when it is replaced: owner and mode on Unix; access list, extended
//! attributes and SELinux's label on Linux. On other systems the new file has what its directory
//! gives it. It also tells which files cannot be replaced.

#[cfg(not(unix))]
pub(super) use elsewhere::{keep_attributes, refuse_fixed};
#[cfg(unix)]
pub(super) use unix::{keep_attributes, refuse_fixed};

#[cfg(unix)]
mod unix {
    use std::fs::{self, File, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    use std::path::Path;

    use nix::unistd::geteuid;

    use super::attributes;

    /// In such a directory only the owner of a file may replace it.
    const STICKY: u32 = 0o1000;

    /// Refuses a file that can be written and not replaced.
    pub(in super::super) fn refuse_fixed(path: &Path) -> io::Result<()> {
        let (Ok(file), Some(Ok(directory))) = (fs::metadata(path), path.parent().map(fs::metadata))
        else {
            return Ok(());
        };
        let user = geteuid();
        let is_ours = user.is_root() || [file.uid(), directory.uid()].contains(&user.as_raw());
        if directory.mode() & STICKY != 0 && !is_ours {
            let problem = "it belongs to another user, and its directory is sticky; give it a \
                           directory of its own";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        attributes::refuse_fixed(path)
    }

    /// Makes the new file like the old one, for those who may read it.
    pub(in super::super) fn keep_attributes(path: &Path, new: &File) -> io::Result<()> {
        let Ok(old) = fs::metadata(path) else { return Ok(()) };
        // Only root may give a file away; its group must not become another one that may read it.
        let group_stays = fchown(new, None, Some(old.gid())).is_ok();
        let _ = fchown(new, Some(old.uid()), None);
        let mode = old.mode() & if group_stays { 0o777 } else { 0o700 };
        attributes::drop_inherited(new);
        // After the owner, whose change may reset it.
        new.set_permissions(Permissions::from_mode(mode))?;
        // After the mode, which is a part of an access list.
        attributes::keep(path, new, group_stays)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod attributes {
    //! Extended attributes, of which an access list is one, as Linux has them.

    use std::fs::File;
    use std::io;
    use std::path::Path;

    use rustix::fs::{
        AtFlags, CWD, StatxAttributes, StatxFlags, XattrFlags, fremovexattr, fsetxattr, getxattr,
        listxattr, statx,
    };
    use rustix::io::Errno;

    const ACCESS_LIST: &[u8] = b"system.posix_acl_access";
    const LABEL: &[u8] = b"security.selinux";

    /// What the kernel allows for all names of a file, or for one value.
    const LONGEST: usize = 64 * 1024;

    /// Refuses a file that the kernel keeps in its place.
    pub(super) fn refuse_fixed(path: &Path) -> io::Result<()> {
        // Kernels that cannot tell find out when it is replaced.
        let Ok(found) = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()) else {
            return Ok(());
        };
        let attributes = found.stx_attributes & found.stx_attributes_mask;
        if attributes.contains(StatxAttributes::MOUNT_ROOT) {
            return Err(io::Error::other("it is mounted by itself; mount its directory instead"));
        }
        if attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND) {
            return Err(io::Error::other("it is immutable (chattr -i -a makes it replaceable)"));
        }
        Ok(())
    }

    /// Drops the access list that the directory gave to the new file.
    pub(super) fn drop_inherited(new: &File) {
        // There is none, most of the time.
        let _ = fremovexattr(new, ACCESS_LIST);
    }

    /// Copies what says who may read the file, and what its users put there. Checksums and
    /// capabilities of the old content (security.ima, security.capability) are not the new one's.
    pub(super) fn keep(old: &Path, new: &File, group_stays: bool) -> io::Result<()> {
        let (mut names, mut value) = (vec![0; LONGEST], vec![0; LONGEST]);
        let length = match listxattr(old, &mut names) {
            Ok(length) => length,
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let names = names.get(..length).unwrap_or_default();
        for name in names.split(|byte| *byte == 0) {
            let is_kept = name.starts_with(b"user.")
                || name == LABEL
                // It names the group that the mode names.
                || (name == ACCESS_LIST && group_stays);
            if !is_kept {
                continue;
            }
            let Ok(length) = getxattr(old, name, &mut value) else { continue };
            let text = value.get(..length).unwrap_or_default();
            match fsetxattr(new, name, text, XattrFlags::empty()) {
                Ok(()) | Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod attributes {
    //! Elsewhere they are not kept.

    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn refuse_fixed(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn drop_inherited(_: &File) {}

    pub(super) fn keep(_: &Path, _: &File, _: bool) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(in super::super) fn refuse_fixed(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn keep_attributes(_: &Path, _: &File) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::refuse_fixed;

    #[test]
    fn what_is_mounted_by_itself_cannot_be_replaced() {
        assert!(refuse_fixed(Path::new("Cargo.toml")).is_ok());
        match refuse_fixed(Path::new("/proc")) {
            Err(e) => assert!(e.to_string().contains("mounted by itself"), "{e}"),
            Ok(()) => eprintln!("skipped: this kernel does not tell what is mounted (before 5.8)"),
        }
    }
}
