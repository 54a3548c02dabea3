//! Builds edXML.
