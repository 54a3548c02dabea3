//! What a command says and how it ends: its answer, or why it failed, in the reader's language.

use crate::topology::{Lang, Style};
use crate::wire::v1;

/// What a command says and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub stdout: String,
    /// Why it failed: said also to whoever wants it quiet.
    pub stderr: String,
    /// What is worth knowing beside the data; goes to stderr too.
    pub notes: String,
    pub exit_code: u8,
}

impl Answer {
    pub fn data(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// One JSON object on one line, with its version.
    pub fn json(mut value: serde_json::Value) -> Self {
        if let Some(object) = value.as_object_mut() {
            object.entry("version").or_insert_with(|| VERSION.into());
        }
        Self::data(format!("{value}\n"))
    }

    #[must_use]
    pub fn note(mut self, text: impl AsRef<str>) -> Self {
        self.notes.push_str(text.as_ref());
        self.notes.push('\n');
        self
    }

    /// What went wrong, of an answer that has data all the same.
    #[must_use]
    pub fn error(mut self, text: impl AsRef<str>) -> Self {
        self.stderr.push_str(text.as_ref());
        self.stderr.push('\n');
        self
    }
}

/// Of every JSON object printed here.
const VERSION: u32 = 1;

/// How the answer is worded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wording {
    pub lang: Lang,
    pub style: Style,
    pub json: bool,
}

impl Wording {
    pub const fn pick<T: Copy>(self, vi: T, en: T) -> T {
        match self.lang {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

/// How a process ends. The numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    /// It failed while it ran.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    Unreachable = 3,
    /// By a rule of the exchange, or by TLS.
    Refused = 4,
    /// A second Ctrl-C.
    Interrupted = 130,
}

/// Why a command did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    /// Stable, for `explain`; empty when there is none.
    pub code: Box<str>,
    pub vi: Box<str>,
    pub en: Box<str>,
    /// Where the fault is.
    pub at: Box<str>,
    pub detail: Box<str>,
    pub correlation_id: Box<str>,
    pub help: Option<Box<(String, String)>>,
}

impl Failure {
    pub fn new(exit: Exit, vi: impl Into<Box<str>>, en: impl Into<Box<str>>) -> Self {
        Self {
            exit,
            code: Box::default(),
            vi: vi.into(),
            en: en.into(),
            at: Box::default(),
            detail: Box::default(),
            correlation_id: Box::default(),
            help: None,
        }
    }

    pub fn usage(vi: impl Into<Box<str>>, en: impl Into<Box<str>>) -> Self {
        Self::new(Exit::Usage, vi, en)
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<Box<str>>) -> Self {
        self.code = code.into();
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Box<str>>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn help(mut self, vi: impl Into<String>, en: impl Into<String>) -> Self {
        self.help = Some(Box::new((vi.into(), en.into())));
        self
    }

    /// Names the nearest valid value, if one is near.
    #[must_use]
    pub fn meant(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => {
                self.help(format!("có phải ý bạn là `{near}`?"), format!("did you mean `{near}`?"))
            }
            None => self,
        }
    }

    /// A refusal as the platform words it.
    pub fn refused(refusal: v1::Refusal) -> Self {
        let v1::Refusal { code, vi, en, at, detail, correlation_id, .. } = refusal;
        Self {
            code: code.into(),
            at: at.into(),
            detail: detail.into(),
            correlation_id: correlation_id.into(),
            ..Self::new(Exit::Refused, vi, en)
        }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let path = path.display();
        Self::usage(format!("không đọc hay ghi được `{path}`"), format!("cannot use `{path}`"))
            .detail(error.to_string())
    }

    pub fn answer(&self, wording: Wording) -> Answer {
        let exit_code = self.exit as u8;
        if wording.json {
            let json = serde_json::json!({
                "version": VERSION,
                "ok": false,
                "exit": exit_code,
                "error": {
                    "code": self.code, "message": wording.pick(&*self.vi, &*self.en),
                    "vi": self.vi, "en": self.en, "at": self.at, "detail": self.detail,
                    "correlation_id": self.correlation_id,
                    "help": self.help.as_deref().map(|(vi, en)| wording.pick(vi, en)),
                },
            });
            return Answer { stdout: format!("{json}\n"), exit_code, ..Answer::default() };
        }
        Answer { stderr: self.text(wording), exit_code, ..Answer::default() }
    }

    fn text(&self, wording: Wording) -> String {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let word = wording.pick("lỗi", "error");
        let code = if self.code.is_empty() { String::new() } else { format!("[{}]", self.code) };
        let said = wording.pick(&*self.vi, &*self.en);
        let mut text = format!("{red}{word}{code}{red:#}: {said}\n");
        let explain = format!("lienthong explain {}", self.code);
        let help = self.help.as_deref().map(|(vi, en)| wording.pick(&**vi, &**en));
        let lines = [
            (wording.pick("tại", "at"), Some(&*self.at)),
            (wording.pick("chi tiết", "detail"), Some(&*self.detail)),
            (wording.pick("mã theo dõi", "correlation id"), Some(&*self.correlation_id)),
            (wording.pick("gợi ý", "help"), help),
            (
                wording.pick("giải thích", "explanation"),
                Some(&*explain).filter(|_| !self.code.is_empty()),
            ),
        ];
        for (word, value) in lines {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                text.push_str(&format!("  {word}: {value}\n"));
            }
        }
        text
    }
}
