//! `docs/json.md` says what is printed.
