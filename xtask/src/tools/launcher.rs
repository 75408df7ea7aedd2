//! Makes an unpacked program start although its libraries are unpacked too.
//!
//! A program that finds its libraries on the machine is used as it is. Otherwise a launcher is
//! written beside it that names the unpacked libraries and fonts. It must never be written for an
//! installed program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Place;
use crate::trouble::{Outcome, Trouble};

/// The variable and the path that starts the tool.
pub fn ready(place: Place) -> Outcome<(&'static str, PathBuf)> {
    match place {
        Place::Installed(variable, program) => Ok((variable, program)),
        Place::Unpacked { variable, program, .. } if has_libraries(&program) => Ok((variable, program)),
        Place::Unpacked { variable, prefix, program } => Ok((variable, write(&prefix, &program)?)),
    }
}

/// Asks the dynamic loader, which lists what it would load instead of starting the program.
fn has_libraries(program: &Path) -> bool {
    let listed = Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1").output();
    listed.is_ok_and(|listed| !String::from_utf8_lossy(&listed.stdout).contains("not found"))
}

fn write(prefix: &Path, program: &Path) -> Outcome<PathBuf> {
    let fonts = prefix.join("fonts.conf");
    fs::write(&fonts, fonts_of(prefix)).map_err(Trouble::during(fonts.display()))?;
    let launcher = program.with_extension("launcher");
    fs::write(&launcher, text(prefix, program, &fonts)).map_err(Trouble::during(launcher.display()))?;
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755))
        .map_err(Trouble::during(launcher.display()))?;
    Ok(launcher)
}

fn text(prefix: &Path, program: &Path, fonts: &Path) -> String {
    let folder = format!("{}-linux-gnu", std::env::consts::ARCH);
    let libraries = [format!("usr/lib/{folder}"), format!("lib/{folder}"), "usr/lib".to_owned()];
    let path = libraries.map(|library| prefix.join(library).display().to_string()).join(":");
    let (fonts, program) = (fonts.display(), program.display());
    format!("#!/bin/sh\nLD_LIBRARY_PATH='{path}' FONTCONFIG_FILE='{fonts}' exec '{program}' \"$@\"\n")
}

fn fonts_of(prefix: &Path) -> String {
    let (own, cache) = (prefix.join("usr/share/fonts"), prefix.join("font-cache"));
    format!(
        "<?xml version=\"1.0\"?>\n<fontconfig><dir>/usr/share/fonts</dir><dir>{}</dir><cachedir>{}</cachedir></fontconfig>\n",
        own.display(),
        cache.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_program_is_used_as_it_is() {
        let place = Place::Installed("FOLKOPS_BWRAP", "/usr/bin/bwrap".into());
        assert_eq!(ready(place).unwrap(), ("FOLKOPS_BWRAP", PathBuf::from("/usr/bin/bwrap")));
    }

    #[test]
    fn a_launcher_names_the_unpacked_libraries_and_hands_its_arguments_on() {
        let text = text(Path::new("/c"), Path::new("/c/usr/bin/x"), Path::new("/c/fonts.conf"));
        assert!(text.contains("LD_LIBRARY_PATH='/c/usr/lib/"), "{text}");
        assert!(text.ends_with("exec '/c/usr/bin/x' \"$@\"\n"), "{text}");
    }
}
