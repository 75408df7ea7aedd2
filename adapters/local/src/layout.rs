//! What a unit sees: its build, its data, its peers' sockets, its tools; behind the wall or, for merged code on a
//! machine without one, at the same folders' real places.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use folkops_model::{ComponentName, Owner, StackName};
use sha2::{Digest as _, Sha256};

use crate::keep::SOCKET;
use crate::machine::{Machine, fill, tools, walling};
use crate::plan::{Enclosure, Guard, KEPT_IN, Mount, Plan, Task};
use crate::spec::{DataMount, UnitKey, UnitSpec};
use crate::wall::{SHARED_MEMORY, Wall, identity};
use crate::{digest, disk};

/// A unit's enclosure, and what its keeper must know of the data.
pub struct Layout {
    pub enclosure: Enclosure,
    pub fresh: Option<PathBuf>,
    pub measured: Vec<PathBuf>,
}

/// A unit's folder.
pub fn unit_folder(machine: &Machine, key: &UnitKey) -> PathBuf {
    machine.state.join("units").join(key.stack.as_str()).join(key.component.as_str())
}

/// A stack's folder of doors. Its name is a hash, because the path of a socket must be short.
pub fn doors(machine: &Machine, stack: &StackName) -> PathBuf {
    machine.state.join("doors").join(short_hash(stack.as_str()))
}

/// A unit's door: the folder in which its socket lies. It stays when the unit is replaced, so that peers, to whom it
/// is mounted, find the next socket.
pub fn door(machine: &Machine, key: &UnitKey) -> PathBuf {
    doors(machine, &key.stack).join(short_hash(key.component.as_str()))
}

/// Makes a unit's door. The user inside the wall may pass; the private folders above keep everybody else away.
pub fn make_door(machine: &Machine, key: &UnitKey) -> io::Result<PathBuf> {
    let door = door(machine, key);
    disk::private_folder(&door)?;
    fs::set_permissions(&door, fs::Permissions::from_mode(0o711))?;
    Ok(door)
}

/// Forty bits of SHA-256 in hexadecimal.
fn short_hash(name: &str) -> String {
    digest::hex(Sha256::digest(name).get(..5).unwrap_or_default())
}

/// Lays out a unit in its folder, which is empty.
pub fn lay_out(machine: &Machine, spec: &UnitSpec, build: &Path, wall: Option<&Wall>) -> io::Result<Layout> {
    let (mut mounts, path) = tools(&spec.toolchains, wall);
    let data = lay_out_data(machine, spec, wall)?;
    let peers = lay_out_peers(machine, spec, wall)?;
    let out = wall.map_or(build, |_| Path::new("/app"));
    let temporary = wall.map_or_else(std::env::temp_dir, |_| "/tmp".into());
    mounts.push(Mount::Read { from: build.to_owned(), to: out.to_owned() });
    mounts.push(Mount::Memory { to: temporary.clone(), bytes: spec.limits.temporary });
    mounts.extend(data.mounts);
    mounts.extend(
        peers.iter().map(|(_, folder, inside)| Mount::Read { from: folder.clone(), to: inside.clone() }),
    );
    let folders = [("out", out), ("data", data.seen.as_path())];
    let fill = |text: &String| fill(text, &folders, &spec.toolchains, wall);
    let own = [
        ("PATH", path),
        ("DATA_DIR", data.seen.to_string_lossy().into_owned()),
        ("LANG", "C.UTF-8".to_owned()),
    ];
    let temporary = [("HOME", &temporary), ("TMPDIR", &temporary)]
        .map(|(name, folder)| (name, folder.to_string_lossy().into_owned()));
    let mut env: BTreeMap<_, _> =
        own.into_iter().chain(temporary).map(|(name, value)| (name.to_owned(), value)).collect();
    if wall.is_none() {
        // Behind the wall everything ends with its namespace; without one, what the program leaves is found by this.
        env.insert(KEPT_IN.to_owned(), unit_folder(machine, &spec.key).to_string_lossy().into_owned());
    }
    env.extend(spec.env.iter().map(|(name, value)| (name.clone(), fill(value))));
    let plan = Plan {
        argv: spec.argv.iter().map(fill).collect(),
        env,
        folder: out.to_owned(),
        task: Task::Serve {
            peers: peers.into_iter().map(|(name, _, inside)| (name, inside.join(SOCKET))).collect(),
        },
        limits: spec.limits.clone(),
        identity: wall.and_then(|_| identity()),
        guard: wall.map_or(Guard::Open, |_| Guard::Walled {
            write: ["/tmp", "/data", SHARED_MEMORY].map(PathBuf::from).into(),
        }),
        seed: data.seed,
    };
    let enclosure = Enclosure { program: machine.program.clone(), walling: walling(wall, mounts), plan };
    Ok(Layout { enclosure, fresh: data.fresh, measured: data.measured })
}

/// Each peer's name, its door, and where that is seen. Doors are made if the peer is not up yet.
fn lay_out_peers(
    machine: &Machine,
    spec: &UnitSpec,
    wall: Option<&Wall>,
) -> io::Result<Vec<(String, PathBuf, PathBuf)>> {
    let lay_out = |peer: &ComponentName| {
        let folder = make_door(machine, &UnitKey { stack: spec.key.stack.clone(), component: peer.clone() })?;
        let inside = wall.map_or_else(|| folder.clone(), |_| Path::new("/run/peers").join(peer.as_str()));
        Ok((peer.to_string(), folder, inside))
    };
    spec.peers.iter().map(lay_out).collect()
}

#[derive(Default)]
struct Data {
    /// Where the program finds it.
    seen: PathBuf,
    mounts: Vec<Mount>,
    seed: Option<(PathBuf, PathBuf)>,
    fresh: Option<PathBuf>,
    measured: Vec<PathBuf>,
}

fn lay_out_data(machine: &Machine, spec: &UnitSpec, wall: Option<&Wall>) -> io::Result<Data> {
    let folder = unit_folder(machine, &spec.key);
    match wall {
        Some(_) => walled_data(&folder, spec),
        None => open_data(&folder.join("data"), &spec.data),
    }
}

fn walled_data(folder: &Path, spec: &UnitSpec) -> io::Result<Data> {
    let seen = PathBuf::from("/data");
    let memory = Mount::Memory { to: seen.clone(), bytes: spec.limits.data };
    Ok(match &spec.data {
        DataMount::Empty => Data { mounts: vec![memory], seen, ..Data::default() },
        DataMount::Seed { from } => {
            // A copy of our own: it is handed over to another user, and stays the same when the program dies.
            let (copy, inside) = (folder.join("seed"), PathBuf::from("/run/seed"));
            disk::copy_folder(from, &copy)?;
            disk::hand_over(&copy, identity())?;
            let mounts = vec![memory, Mount::Read { from: copy, to: inside.clone() }];
            Data { mounts, seed: Some((inside, seen.clone())), seen, ..Data::default() }
        }
        DataMount::OwnerScope { root, owner } => {
            let own = owners_folder(root, owner)?;
            disk::hand_over(&own, identity())?;
            let mounts = vec![Mount::Write { from: own.clone(), to: seen.join(owner.as_str()) }];
            Data { mounts, seen, measured: vec![own], ..Data::default() }
        }
        DataMount::Whole { root } => {
            disk::private_folder(root)?;
            disk::hand_over(root, identity())?;
            Data {
                mounts: vec![Mount::Write { from: root.clone(), to: seen.clone() }],
                seen,
                ..Data::default()
            }
        }
    })
}

fn open_data(folder: &Path, data: &DataMount) -> io::Result<Data> {
    let seen = folder.to_owned();
    Ok(match data {
        DataMount::Empty => Data { fresh: Some(seen.clone()), seen, ..Data::default() },
        DataMount::Seed { from } => Data {
            seed: Some((from.clone(), seen.clone())),
            fresh: Some(seen.clone()),
            seen,
            ..Data::default()
        },
        DataMount::OwnerScope { root, owner } => {
            let own = owners_folder(root, owner)?;
            disk::private_folder(folder)?;
            symlink(&own, folder.join(owner.as_str()))?;
            Data { seen, measured: vec![own], ..Data::default() }
        }
        DataMount::Whole { root } => {
            disk::private_folder(root)?;
            Data { seen: root.clone(), ..Data::default() }
        }
    })
}

/// One owner's folder. INVARIANT: it is a folder of its own and no link to somebody else's.
fn owners_folder(root: &Path, owner: &Owner) -> io::Result<PathBuf> {
    let own = root.canonicalize()?.join(owner.as_str());
    disk::private_folder(&own)?;
    if fs::symlink_metadata(&own)?.is_dir() {
        Ok(own)
    } else {
        Err(io::Error::other(format!("{} is a link", own.display())))
    }
}
