//! The world in which stories play: the built program, its rooms, its browsers.
