//! XML text put together piece by piece, values escaped.

use quick_xml::escape::escape;

/// Elements in the order they are written. Names are those of the code, never of a caller.
#[derive(Debug, Default)]
pub struct Xml(String);

impl Xml {
    /// `tag` may carry attributes.
    pub fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
    }

    pub fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element with text; `<name/>` when the text is empty.
    pub fn leaf(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            self.open(&format!("{name}/"));
            return;
        }
        self.open(name);
        self.0.push_str(&escape(text));
        self.close(name);
    }

    pub fn into_text(self) -> String {
        self.0
    }
}
