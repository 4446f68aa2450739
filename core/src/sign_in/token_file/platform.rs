//! Copies a credential file's attributes when it is replaced: owner and mode on Unix; also access
//! list, extended attributes and SELinux label on Linux. On other systems the new file gets the
//! defaults of its directory. Also checks whether a file can be replaced.

#[cfg(not(unix))]
pub(super) use elsewhere::{exposed_mode, keep_attributes, refuse_fixed};
#[cfg(unix)]
pub(super) use unix::{exposed_mode, keep_attributes, refuse_fixed};

#[cfg(unix)]
mod unix {
    use std::fs::{self, File, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    use std::path::Path;

    use nix::unistd::geteuid;

    use super::attributes;

    /// The sticky bit: only the owner of a file or of the directory may replace the file.
    const STICKY: u32 = 0o1000;

    /// What lets others read or write a file, or the group write it. A group that may read it is
    /// often how a service gets it.
    const EXPOSED: u32 = 0o026;

    /// Lets others reach what is in a directory.
    const SEARCHED_BY_OTHERS: u32 = 0o001;

    /// Returns the mode of a file that others can reach and read, or change.
    pub(in super::super) fn exposed_mode(path: &Path) -> Option<u32> {
        let path = fs::canonicalize(path).ok()?;
        let mode_of = |path: &Path| Some(fs::metadata(path).ok()?.mode() & 0o7777);
        let mode = mode_of(&path).filter(|mode| mode & EXPOSED != 0)?;
        let is_reached = |directory| mode_of(directory).is_none_or(|m| m & SEARCHED_BY_OTHERS != 0);
        path.ancestors().skip(1).all(is_reached).then_some(mode)
    }

    /// Refuses a file that can be written but not replaced.
    pub(in super::super) fn refuse_fixed(path: &Path) -> io::Result<()> {
        let (Ok(file), Some(Ok(directory))) = (fs::metadata(path), path.parent().map(fs::metadata))
        else {
            return Ok(());
        };
        let user = geteuid();
        let is_ours = user.is_root() || [file.uid(), directory.uid()].contains(&user.as_raw());
        if directory.mode() & STICKY != 0 && !is_ours {
            let problem = "it belongs to another user, and its directory has the sticky bit; move \
                           it to its own directory";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
        }
        attributes::refuse_fixed(path)
    }

    /// Copies the attributes that decide who may read the file.
    pub(in super::super) fn keep_attributes(path: &Path, new: &File) -> io::Result<()> {
        let Ok(old) = fs::metadata(path) else { return Ok(()) };
        // Only root may change the owner. If the group cannot be kept, only the owner may read the
        // file.
        let group_stays = fchown(new, None, Some(old.gid())).is_ok();
        let _ = fchown(new, Some(old.uid()), None);
        let mode = old.mode() & if group_stays { 0o777 } else { 0o700 };
        attributes::drop_inherited(new);
        // After the owner, since changing the owner may reset the mode.
        new.set_permissions(Permissions::from_mode(mode))?;
        // After the mode, since setting the mode changes the access list.
        attributes::keep(path, new, group_stays)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod attributes {
    //! Extended attributes on Linux, which include the access list.

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

    /// The kernel's limit in bytes for all names of a file, and for one value.
    const LONGEST: usize = 64 * 1024;

    /// Refuses a file that the kernel does not allow to be replaced.
    pub(super) fn refuse_fixed(path: &Path) -> io::Result<()> {
        // On a kernel without statx, the replacement itself fails.
        let Ok(found) = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()) else {
            return Ok(());
        };
        let attributes = found.stx_attributes & found.stx_attributes_mask;
        if attributes.contains(StatxAttributes::MOUNT_ROOT) {
            return Err(io::Error::other("it is a mount point; mount its directory instead"));
        }
        if attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND) {
            return Err(io::Error::other("it is immutable or append-only; run chattr -i -a on it"));
        }
        Ok(())
    }

    /// Removes the access list that the new file inherited from its directory.
    pub(super) fn drop_inherited(new: &File) {
        // Fails if there is none, as in most cases.
        let _ = fremovexattr(new, ACCESS_LIST);
    }

    /// Copies the access list, the SELinux label and users' own attributes. Checksums and
    /// capabilities of the old content (security.ima, security.capability) do not apply to the new.
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
                // The access list contains the rights of the file's group.
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
    //! Other systems' extended attributes are not kept.

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

    pub(in super::super) fn exposed_mode(_: &Path) -> Option<u32> {
        None
    }

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
    fn a_mount_point_cannot_be_replaced() {
        assert!(refuse_fixed(Path::new("Cargo.toml")).is_ok());
        match refuse_fixed(Path::new("/proc")) {
            Err(e) => assert!(e.to_string().contains("mount point"), "{e}"),
            Ok(()) => eprintln!("skipped: this kernel does not report mount points (before 5.8)"),
        }
    }
}
