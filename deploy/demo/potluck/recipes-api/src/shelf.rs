//! The shelf: each owner's book in a folder of its own below the data folder.
//!
//! One owner's folder may be all that this process can see; so nothing here lists or needs the data folder,
//! except the very first start. A book is replaced whole, under a lock that other processes honour too. This
//! file must never build a path from anything but an `Owner`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::book::{BadLine, Book, Owner, Refusal};

/// What a new owner's book begins with.
const STARTER: &str = include_str!("../seed/starter.book");
/// The books that are there from the first day.
const FIRST_BOOKS: [(&str, &str); 2] =
    [("ana", include_str!("../seed/ana.book")), ("ben", include_str!("../seed/ben.book"))];

pub struct Shelf {
    root: PathBuf,
}

/// Why a book could not be read or changed.
#[derive(Debug)]
pub enum Trouble {
    Refused(Refusal),
    BadLine(usize),
    Disk(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<BadLine> for Trouble {
    fn from(line: BadLine) -> Self {
        Self::BadLine(line.0)
    }
}

impl Shelf {
    /// The shelf below a data folder. On the first start, when that is empty, the first books are put there.
    pub fn open(root: PathBuf) -> Self {
        let shelf = Self { root };
        if fs::read_dir(&shelf.root).is_ok_and(|mut entries| entries.next().is_none()) {
            shelf.lay_first_books();
        }
        shelf
    }

    /// A folder that can be seen but not written is somebody else's to fill: then new owners' books serve.
    fn lay_first_books(&self) {
        for (name, text) in FIRST_BOOKS {
            let laid = Owner::parse(name)
                .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
                .and_then(|owner| self.locked(&owner))
                .and_then(|(folder, _lock)| replace(&folder, text));
            if let Err(error) = laid {
                eprintln!("the first book of `{name}` was not laid: {error}");
            }
        }
    }

    /// The owner's book, or a starter for who has none yet. Reading writes nothing.
    pub fn read(&self, owner: &Owner) -> Result<Book, Trouble> {
        match fs::read_to_string(self.folder(owner).join("book")) {
            Ok(text) => Ok(Book::parse(&text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Book::parse(STARTER)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the owner's book, one change at a time.
    pub fn change<T>(
        &self,
        owner: &Owner,
        edit: impl FnOnce(&mut Book) -> Result<T, Refusal>,
    ) -> Result<T, Trouble> {
        let (folder, _lock) = self.locked(owner)?;
        let mut book = self.read(owner)?;
        let outcome = edit(&mut book).map_err(Trouble::Refused)?;
        replace(&folder, &book.to_string())?;
        Ok(outcome)
    }

    fn folder(&self, owner: &Owner) -> PathBuf {
        self.root.join(owner.as_str())
    }

    fn locked(&self, owner: &Owner) -> io::Result<(PathBuf, File)> {
        let folder = self.folder(owner);
        match fs::create_dir(&folder) {
            Err(error) if !folder.is_dir() => return Err(error),
            _ => {}
        }
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        lock.lock()?;
        Ok((folder, lock))
    }
}

/// The new book is on the disk before it takes the old one's name: a cut leaves one of the two, whole.
fn replace(folder: &Path, text: &str) -> io::Result<()> {
    let fresh = folder.join("book.new");
    let mut file = File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join("book"))?;
    File::open(folder)?.sync_all()
}
