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
        Place::Unpacked { variable, program, .. } if has_libraries(&program, "") => Ok((variable, program)),
        Place::Unpacked { variable, prefix, program } => Ok((variable, write(&prefix, &program)?)),
    }
}

/// Whether the program would start; one whose fetching was broken off would not.
pub fn is_complete(prefix: &Path, program: &Path) -> bool {
    has_libraries(program, &libraries_in(prefix))
}

/// Asks the dynamic loader, which lists what it would load instead of starting the program.
fn has_libraries(program: &Path, libraries: &str) -> bool {
    let mut list = Command::new(program);
    list.env("LD_TRACE_LOADED_OBJECTS", "1").env("LD_LIBRARY_PATH", libraries);
    list.output().is_ok_and(|listed| !String::from_utf8_lossy(&listed.stdout).contains("not found"))
}

fn write(prefix: &Path, program: &Path) -> Outcome<PathBuf> {
    let (fonts, launcher) = (prefix.join("fonts.conf"), program.with_extension("launcher"));
    fs::write(&fonts, fonts_of(prefix)).map_err(Trouble::during(fonts.display()))?;
    fs::write(&launcher, text(&libraries_in(prefix), &fonts, program))
        .map_err(Trouble::during(launcher.display()))?;
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755))
        .map_err(Trouble::during(launcher.display()))?;
    Ok(launcher)
}

/// Where Debian's packages put libraries, as the loader's search path.
fn libraries_in(prefix: &Path) -> String {
    let own = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = [format!("usr/lib/{own}"), format!("lib/{own}"), format!("usr/lib/{own}/pulseaudio")];
    folders.map(|folder| prefix.join(folder).display().to_string()).join(":")
}

fn text(libraries: &str, fonts: &Path, program: &Path) -> String {
    let (fonts, program) = (fonts.display(), program.display());
    format!("#!/bin/sh\nLD_LIBRARY_PATH='{libraries}' FONTCONFIG_FILE='{fonts}' exec '{program}' \"$@\"\n")
}

fn fonts_of(prefix: &Path) -> String {
    let (own, cache) = (prefix.join("usr/share/fonts"), prefix.join("font-cache"));
    let (own, cache) = (own.display(), cache.display());
    format!(
        "<fontconfig><dir>/usr/share/fonts</dir><dir>{own}</dir><cachedir>{cache}</cachedir></fontconfig>\n"
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
        let text =
            text(&libraries_in(Path::new("/c")), Path::new("/c/fonts.conf"), Path::new("/c/usr/bin/x"));
        assert!(text.contains("LD_LIBRARY_PATH='/c/usr/lib/"), "{text}");
        assert!(text.ends_with("exec '/c/usr/bin/x' \"$@\"\n"), "{text}");
    }
}
