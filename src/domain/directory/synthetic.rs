//! Invented agencies (placeholder, see below).
