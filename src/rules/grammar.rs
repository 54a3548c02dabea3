//! The part of the template language that rules may use, held against the engine's own tokens before it parses them.
//!
//! The engine's fuel pays for steps and bytes, but not for the depth of an expression (its parser and compiler
//! recurse: a chain of some thousand operators overflows the stack) nor for comparing two values that hold one
//! part many times. So a tag is short, a value cannot be put together out of others, and filters that would do
//! that are not there.

use minijinja::filters;
use minijinja::functions;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, tests};

const TAG_TOKENS_MAX: usize = 128;
const ELIFS_MAX: usize = 64;
const TAGS: &[&str] = &["for", "endfor", "if", "elif", "else", "endif"];
const WORDS: &[&str] = &["in", "not", "and", "or", "if", "else", "elif", "is", "for"];
const CONSTANTS: &[&str] = &["true", "false", "none", "True", "False", "None"];

const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "count",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// An engine with these filters and no others.
pub(super) fn environment() -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_auto_escape_callback(minijinja::default_auto_escape_callback);
    engine.add_function("range", functions::range);
    engine.add_filter("abs", filters::abs);
    engine.add_filter("bool", filters::bool);
    engine.add_filter("count", filters::length);
    engine.add_filter("d", filters::default);
    engine.add_filter("default", filters::default);
    engine.add_filter("e", filters::escape);
    engine.add_filter("escape", filters::escape);
    engine.add_filter("first", filters::first);
    engine.add_filter("float", filters::float);
    engine.add_filter("int", filters::int);
    engine.add_filter("join", filters::join);
    engine.add_filter("last", filters::last);
    engine.add_filter("length", filters::length);
    engine.add_filter("list", filters::list);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("map", filters::map);
    engine.add_filter("max", filters::max);
    engine.add_filter("min", filters::min);
    engine.add_filter("reject", filters::reject);
    engine.add_filter("rejectattr", filters::rejectattr);
    engine.add_filter("replace", filters::replace);
    engine.add_filter("reverse", filters::reverse);
    engine.add_filter("round", filters::round);
    engine.add_filter("select", filters::select);
    engine.add_filter("selectattr", filters::selectattr);
    engine.add_filter("sort", filters::sort);
    engine.add_filter("split", filters::split);
    engine.add_filter("string", filters::string);
    engine.add_filter("sum", filters::sum);
    engine.add_filter("tojson", filters::tojson);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("unique", filters::unique);
    engine.add_filter("upper", filters::upper);
    engine.add_test("defined", tests::is_defined);
    engine.add_test("undefined", tests::is_undefined);
    engine.add_test("none", tests::is_none);
    engine.add_test("string", tests::is_string);
    engine.add_test("number", tests::is_number);
    engine.add_test("odd", tests::is_odd);
    engine.add_test("even", tests::is_even);
    engine.add_test("eq", tests::is_eq);
    engine.add_test("ne", tests::is_ne);
    engine.add_test("in", tests::is_in);
    engine.add_test("startingwith", tests::is_startingwith);
    engine.add_test("endingwith", tests::is_endingwith);
    engine
}

/// What stands open inside a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Call,
    Group,
    Subscript,
    List,
}

/// One tag as far as it is read.
#[derive(Debug, Default)]
struct Tag {
    tokens: usize,
    is_block: bool,
    is_for: bool,
    has_in: bool,
    open: Vec<Open>,
    before: Before,
}

/// What the token before was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Nothing,
    /// Something that can be called or looked into.
    Value,
    Pipe,
    Dot,
    Other,
}

/// The mistake comes in both languages, with its line.
pub(super) fn check(source: &str) -> Result<(), (String, String)> {
    let mut tag: Option<Tag> = None;
    let mut elifs = 0;
    for token in tokenize(source, false, SyntaxConfig::default()) {
        // What cannot be read is told by the parser, in better words.
        let Ok((token, span)) = token else { return Ok(()) };
        let mistake = match (&token, &mut tag) {
            (Token::VariableStart | Token::BlockStart, _) => {
                let is_block = matches!(token, Token::BlockStart);
                tag = Some(Tag { is_block, ..Tag::default() });
                None
            }
            (Token::VariableEnd | Token::BlockEnd, _) => {
                tag = None;
                None
            }
            (_, Some(open)) => {
                elifs += usize::from(open.is_block && matches!(token, Token::Ident("elif")));
                if elifs > ELIFS_MAX {
                    Some((
                        format!("nhiều hơn {ELIFS_MAX} elif"),
                        format!("more than {ELIFS_MAX} elif"),
                    ))
                } else {
                    open.read(&token)
                }
            }
            (_, None) => None,
        };
        if let Some((vi, en)) = mistake {
            let line = span.start_line;
            return Err((format!("dòng {line}: {vi}"), format!("line {line}: {en}")));
        }
    }
    Ok(())
}

impl Tag {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "every other token is a constant or an operator, and only counts"
    )]
    fn read(&mut self, token: &Token<'_>) -> Option<(String, String)> {
        self.tokens += 1;
        if self.tokens > TAG_TOKENS_MAX {
            return Some((
                format!("một thẻ có nhiều hơn {TAG_TOKENS_MAX} phần tử"),
                format!("a tag of more than {TAG_TOKENS_MAX} words and signs"),
            ));
        }
        let before = std::mem::replace(&mut self.before, Before::Other);
        match token {
            Token::Ident(name) => return self.word(name, before),
            Token::BraceOpen => return Some(put_together()),
            Token::BracketOpen => {
                let is_literal = before != Before::Value;
                self.open.push(if is_literal { Open::List } else { Open::Subscript });
            }
            Token::ParenOpen => {
                self.open.push(if before == Before::Value { Open::Call } else { Open::Group });
            }
            Token::BracketClose | Token::ParenClose => {
                self.open.pop();
                self.before = Before::Value;
            }
            Token::Comma => {
                let is_target = self.is_for && !self.has_in;
                let is_tuple =
                    matches!(self.open.last(), None | Some(Open::Group | Open::Subscript));
                if is_tuple && !is_target {
                    return Some(put_together());
                }
            }
            Token::Str(_) | Token::String(_) => self.before = Before::Value,
            Token::Pipe => self.before = Before::Pipe,
            Token::Dot => self.before = Before::Dot,
            _ => {}
        }
        None
    }

    fn word(&mut self, name: &str, before: Before) -> Option<(String, String)> {
        if self.is_block && self.tokens == 1 {
            self.is_for = name == "for";
            return (!TAGS.contains(&name)).then(|| {
                let all = TAGS.join(", ");
                (
                    format!("không có thẻ `{name}`; có {all}"),
                    format!("no tag `{name}`; there are {all}"),
                )
            });
        }
        if before == Before::Pipe {
            self.before = Before::Value;
            return (!FILTERS.contains(&name)).then(|| {
                let all = FILTERS.join(", ");
                (
                    format!("không có bộ lọc `{name}`; có {all}"),
                    format!("no filter `{name}`; there are {all}"),
                )
            });
        }
        if before != Before::Dot && WORDS.contains(&name) {
            self.has_in |= name == "in";
            return None;
        }
        self.before = Before::Value;
        let is_in_list = self.open.contains(&Open::List);
        (is_in_list && !CONSTANTS.contains(&name)).then(put_together)
    }
}

fn put_together() -> (String, String) {
    (
        "giá trị không được ghép từ giá trị khác: danh sách chỉ gồm hằng, không có bảng và bộ".to_owned(),
        "values are not put together out of others: lists hold constants, and there are no maps or tuples"
            .to_owned(),
    )
}
