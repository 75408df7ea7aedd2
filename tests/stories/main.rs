//! Stories: the program as it ships, driven through its surfaces and watched from outside.

mod failures;
