//! The document types of NĐ 30/2020 and the normative ones: names, abbreviations, and which go without paper.
//!
//! A type is known by `TypeName`, never by the number beside it (domain.md 2.3: its list is not established).

use unicode_normalization::UnicodeNormalization;

/// What is built in.
const TYPES: &str = include_str!("../../config/document-types.csv");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Văn bản quy phạm pháp luật
    Normative,
    /// Văn bản hành chính
    Administrative,
    /// Bản sao
    Copy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentType {
    pub name: String,
    /// Empty for a Công văn and a Thư công, which carry none in their notation.
    pub abbreviation: String,
    pub group: Group,
    // CV 775/VPCP-KSTT: 26 types are sent without a paper copy.
    pub paperless: bool,
    pub english: String,
}

/// A line of a types file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    pub line: usize,
    pub what: String,
}

/// The types, in the order of their file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentTypes {
    list: Vec<DocumentType>,
    /// The names as they are compared, in the same order.
    folded: Vec<String>,
}

impl DocumentTypes {
    /// Reads `name,abbreviation,group,paperless,english` lines; all mistakes come at once.
    pub fn parse(csv: &str) -> Result<Self, Vec<LineError>> {
        let mut types = Self { list: Vec::new(), folded: Vec::new() };
        let mut mistakes = Vec::new();
        for (number, line) in csv.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("name,") {
                continue;
            }
            let mistake = match read_line(line) {
                Ok(read) if types.find(&read.name).is_some() => {
                    format!("{} stands here twice", read.name)
                }
                Ok(read) => {
                    types.folded.push(fold(&read.name));
                    types.list.push(read);
                    continue;
                }
                Err(what) => what,
            };
            mistakes.push(LineError { line: number + 1, what: mistake });
        }
        if mistakes.is_empty() { Ok(types) } else { Err(mistakes) }
    }

    /// The built-in list.
    pub fn built_in() -> Self {
        // A test reads the same file, so nothing is lost here.
        Self::parse(TYPES).unwrap_or(Self { list: Vec::new(), folded: Vec::new() })
    }

    /// By name as a `TypeName` gives it: any case, composed or not, with or without "(cá biệt)".
    pub fn find(&self, type_name: &str) -> Option<&DocumentType> {
        let folded = fold(type_name);
        let at = self.folded.iter().position(|name| *name == folded)?;
        self.list.get(at)
    }

    pub fn all(&self) -> &[DocumentType] {
        &self.list
    }
}

fn read_line(line: &str) -> Result<DocumentType, String> {
    let mut fields = line.split(',').map(str::trim);
    let mut field = |what: &str| fields.next().ok_or_else(|| format!("{what} is missing"));
    let name = field("the name")?;
    let abbreviation = field("the abbreviation")?;
    let group = match field("the group")? {
        "normative" => Group::Normative,
        "administrative" => Group::Administrative,
        "copy" => Group::Copy,
        other => return Err(format!("{other:?} is none of normative, administrative, copy")),
    };
    let paperless = match field("paperless")? {
        "yes" => true,
        "no" => false,
        other => return Err(format!("{other:?} is neither yes nor no")),
    };
    let english = field("the English name")?;
    if name.is_empty() || english.is_empty() {
        return Err("a name is empty".to_owned());
    }
    Ok(DocumentType {
        name: name.to_owned(),
        abbreviation: abbreviation.to_owned(),
        group,
        paperless,
        english: english.to_owned(),
    })
}

/// NFC, lower case, one blank between words, nothing in brackets, the tone mark where the old style puts it
/// (`thoả` and `thỏa` are one).
fn fold(name: &str) -> String {
    let lower = name.nfc().collect::<String>().to_lowercase();
    let plain = lower.split('(').next().unwrap_or_default();
    let words: Vec<_> = plain.split_whitespace().collect();
    let mut folded = words.join(" ");
    for (new, old) in [("oả", "ỏa"), ("oà", "òa"), ("oá", "óa"), ("uỷ", "ủy"), ("uý", "úy")]
    {
        folded = folded.replace(new, old);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_sound() {
        let types = DocumentTypes::parse(TYPES).unwrap();
        let count = |group| types.all().iter().filter(|t| t.group == group).count();
        // NĐ 30/2020 Art. 7: 29 administrative types.
        assert_eq!(count(Group::Administrative), 29);
        // CV 775/VPCP-KSTT: 4 normative and 22 administrative types without paper.
        let paperless =
            |group| types.all().iter().filter(|t| t.group == group && t.paperless).count();
        assert_eq!((paperless(Group::Normative), paperless(Group::Administrative)), (4, 22));
        assert_eq!(DocumentTypes::built_in(), types);
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        let types = DocumentTypes::built_in();
        // (TypeName, abbreviation): domain.md 6.2.
        let table = [
            ("Công văn", ""),
            ("CÔNG VĂN", ""),
            ("Co\u{302}ng va\u{306}n", ""),
            (" Quyết  định (cá biệt) ", "QĐ"),
            ("Bản thoả thuận", "BTT"),
            ("Giấy uỷ quyền", "GUQ"),
            ("thông tư", "TT"),
        ];
        for (given, abbreviation) in table {
            assert_eq!(types.find(given).unwrap().abbreviation, abbreviation, "{given}");
        }
        assert_eq!(types.find("Văn bản khác"), None);
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let csv = "Công văn,,administrative,yes,letter\nCÔNG VĂN,,administrative,yes,letter\nLuật,L,other,no,law\n\
                   Luật,L,normative,maybe,law\nLuật\n";
        let mistakes = DocumentTypes::parse(csv).unwrap_err();
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }
}
