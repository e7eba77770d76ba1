//! Configuration files as Python's `RawConfigParser` reads them, with CredSmash's maps.

use std::collections::HashMap;

use crate::Error;
use crate::limits::{self, Budget};
use crate::python::{is_space, repr, strip};

/// A configuration file: sections in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    sections: Vec<(String, Section)>,
}

/// The options of a section, in the order of the file, those of `[DEFAULT]` last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    options: Vec<(String, Setting)>,
}

/// What an option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Text, of one line or more.
    Text(String),
    /// `key = value` lines: the first line of the option was empty.
    Map(Vec<(String, String)>),
}

/// What is wrong with a configuration file. The file is shown by its name, its lines by their numbers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Text before the first section.
    #[error("File contains no section headers.\nfile: {}, line: {line}", repr(.file))]
    NoSection {
        /// As the caller calls it.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// A section that the file has twice.
    #[error("While reading from {} [line {line:2}]: section {} already exists", repr(.file), repr(.section))]
    DuplicateSection {
        /// As the caller calls it.
        file: String,
        /// Of the second one.
        line: usize,
        /// Its name.
        section: String,
    },
    /// An option that its section has twice.
    #[error(
        "While reading from {} [line {line:2}]: option {} in section {} already exists",
        repr(.file), repr(.option), repr(.section)
    )]
    DuplicateOption {
        /// As the caller calls it.
        file: String,
        /// Of the second one.
        line: usize,
        /// The section's name.
        section: String,
        /// The option's name.
        option: String,
    },
    /// Lines that are neither a section nor an option.
    #[error("Source contains parsing errors: {}{}", repr(.file), numbered(.lines))]
    BadLines {
        /// As the caller calls it.
        file: String,
        /// Counted from 1.
        lines: Vec<usize>,
    },
    /// A line of a map without `=`.
    #[error(
        "While reading from {} [line {line:2}]: a line of the map {} in section {} needs the form key = value",
        repr(.file), repr(.option), repr(.section)
    )]
    BadMap {
        /// As the caller calls it.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The section's name.
        section: String,
        /// The option's name.
        option: String,
    },
}

fn numbered(lines: &[usize]) -> String {
    lines
        .iter()
        .map(|line| format!("\n\t[line {line:2}]"))
        .collect()
}

impl Config {
    /// Reads a file that messages call `file`.
    ///
    /// Errors: `NotUtf8` and the limits; `Ini` with what is wrong, as Python words it.
    /// Source: CPython 3.11 `configparser`, CredSmash 3.0.2 `parse_config`; vectors `documents/ini.json`.
    pub fn read(document: &[u8], file: &str) -> Result<Self, Error> {
        let text = limits::text(document)?;
        let mut reader = Reader::new(file);
        // Python's files end lines at CR LF and CR as well.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (line, text) in (1..).zip(text.split('\n')) {
            reader.line(line, text)?;
        }
        reader.finish()
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        let (_, section) = self.sections.iter().find(|(known, _)| known == name)?;
        Some(section)
    }

    /// Names and sections, in the order of the file.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.sections
            .iter()
            .map(|(name, section)| (name.as_str(), section))
    }
}

impl Section {
    /// What an option is set to; its name is in lower case.
    pub fn get(&self, option: &str) -> Option<&Setting> {
        let (_, setting) = self.options.iter().find(|(known, _)| known == option)?;
        Some(setting)
    }

    /// Names and settings, in the order of the file.
    pub fn options(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.options
            .iter()
            .map(|(name, setting)| (name.as_str(), setting))
    }
}

impl Setting {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Map(_) => None,
        }
    }
}

/// The section whose options hold for all.
const DEFAULT: &str = "DEFAULT";

/// The state of reading, as Python keeps it.
struct Reader<'f> {
    file: &'f str,
    sections: Vec<Draft>,
    places: HashMap<String, usize>,
    /// The section that lines belong to, once there is one.
    section: Option<usize>,
    /// Whether a line can continue an option.
    open: bool,
    /// Of the line that began the option or section.
    indent: usize,
    bad_lines: Vec<usize>,
}

struct Draft {
    name: String,
    options: Vec<(String, Vec<Line>)>,
    places: HashMap<String, usize>,
}

struct Line {
    number: usize,
    text: String,
}

impl<'f> Reader<'f> {
    fn new(file: &'f str) -> Self {
        Self {
            file,
            sections: Vec::new(),
            places: HashMap::new(),
            section: None,
            open: false,
            indent: 0,
            bad_lines: Vec::new(),
        }
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), Fault> {
        let text = strip(line);
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.is_empty() {
            self.continue_option(number, "");
            return Ok(());
        }
        let indent = line.chars().take_while(|letter| is_space(*letter)).count();
        if self.open && indent > self.indent {
            self.continue_option(number, text);
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = header(text) {
            return self.begin_section(number, name);
        }
        let Some(section) = self.section else {
            return Err(Fault::NoSection {
                file: self.file.to_owned(),
                line: number,
            });
        };
        let Some(delimiter) = text.find(['=', ':']) else {
            self.bad_lines.push(number);
            return Ok(());
        };
        let (option, value) = text.split_at(delimiter);
        let option = option.trim_end_matches(is_space).to_lowercase();
        if option.is_empty() {
            self.bad_lines.push(number);
        }
        let value = strip(value.get(1..).unwrap_or_default());
        self.begin_option(section, number, option, value)
    }

    fn begin_section(&mut self, number: usize, name: &str) -> Result<(), Fault> {
        self.open = false;
        let known = self.places.get(name).copied();
        if known.is_some() && name != DEFAULT {
            return Err(Fault::DuplicateSection {
                file: self.file.to_owned(),
                line: number,
                section: name.to_owned(),
            });
        }
        self.section = Some(known.unwrap_or(self.sections.len()));
        if known.is_none() {
            self.places.insert(name.to_owned(), self.sections.len());
            self.sections.push(Draft {
                name: name.to_owned(),
                options: Vec::new(),
                places: HashMap::new(),
            });
        }
        Ok(())
    }

    fn begin_option(
        &mut self,
        section: usize,
        number: usize,
        option: String,
        value: &str,
    ) -> Result<(), Fault> {
        self.open = !option.is_empty();
        let Some(draft) = self.sections.get_mut(section) else {
            return Ok(());
        };
        let first = Line {
            number,
            text: value.to_owned(),
        };
        if draft
            .places
            .insert(option.clone(), draft.options.len())
            .is_some()
        {
            return Err(Fault::DuplicateOption {
                file: self.file.to_owned(),
                line: number,
                section: draft.name.clone(),
                option,
            });
        }
        draft.options.push((option, vec![first]));
        Ok(())
    }

    /// Adds a line to the option that is open, which is the last one of its section.
    fn continue_option(&mut self, number: usize, text: &str) {
        let section = self.section.and_then(|place| self.sections.get_mut(place));
        if let (true, Some((_, lines))) = (
            self.open,
            section.and_then(|draft| draft.options.last_mut()),
        ) {
            lines.push(Line {
                number,
                text: text.to_owned(),
            });
        }
    }

    /// Errors: `BadLines`, `BadMap`; the limits, since an option of `[DEFAULT]` is one more in each section.
    fn finish(self) -> Result<Config, Error> {
        if !self.bad_lines.is_empty() {
            return Err(Error::Ini(Fault::BadLines {
                file: self.file.to_owned(),
                lines: self.bad_lines,
            }));
        }
        let (defaults, drafts): (Vec<_>, Vec<_>) = self
            .sections
            .into_iter()
            .partition(|draft| draft.name == DEFAULT);
        let mut budget = Budget::new();
        let mut sections = Vec::new();
        for draft in drafts {
            let mut section = Section::default();
            for from in std::iter::once(&draft).chain(&defaults) {
                for (option, lines) in &from.options {
                    if from.name == DEFAULT && draft.places.contains_key(option) {
                        continue;
                    }
                    let length: usize = lines.iter().map(|line| line.text.len()).sum();
                    budget.spend(length + option.len())?;
                    let setting = setting(self.file, &from.name, option, lines)?;
                    section.options.push((option.clone(), setting));
                }
            }
            sections.push((draft.name, section));
        }
        Ok(Config { sections })
    }
}

/// The name in `[name]`: up to the last bracket, whatever follows it.
fn header(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn setting(file: &str, section: &str, option: &str, lines: &[Line]) -> Result<Setting, Fault> {
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let joined = texts.join("\n");
    let text = joined.trim_end_matches(is_space);
    if !text.starts_with('\n') {
        return Ok(Setting::Text(text.to_owned()));
    }
    let mut map: Vec<(String, String)> = Vec::new();
    let mut places = HashMap::new();
    for line in lines.iter().filter(|line| !line.text.is_empty()) {
        let Some((key, value)) = line.text.split_once('=') else {
            return Err(Fault::BadMap {
                file: file.to_owned(),
                line: line.number,
                section: section.to_owned(),
                option: option.to_owned(),
            });
        };
        let (key, value) = (strip(key), strip(value).to_owned());
        let place = *places.entry(key).or_insert(map.len());
        match map.get_mut(place) {
            Some((_, before)) => *before = value,
            None => map.push((key.to_owned(), value)),
        }
    }
    Ok(Setting::Map(map))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> Config {
        Config::read(text.as_bytes(), "c.cfg").expect("a configuration")
    }

    fn text(text: &str) -> Option<Setting> {
        Some(Setting::Text(text.to_owned()))
    }

    #[test]
    fn reads_sections_options_comments_and_maps() {
        let config = read(
            "# c\n[credsmash]\nTable_Name = a=b # not a comment\n; c\nkey_id:alias/x\n\n[credsmash:key_service:kms]\n\
             encryption_context =\n  Environment = prod\n\n  # c\n  Purpose = web=1\nempty=\n",
        );
        let main = config.section("credsmash").expect("a section");
        assert_eq!(main.get("table_name").cloned(), text("a=b # not a comment"));
        assert_eq!(main.get("key_id").cloned(), text("alias/x"));
        let kms = config
            .section("credsmash:key_service:kms")
            .expect("a section");
        let pairs = [("Environment", "prod"), ("Purpose", "web=1")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            kms.get("encryption_context"),
            Some(&Setting::Map(pairs.to_vec()))
        );
        assert_eq!(kms.get("empty").cloned(), text(""));
        assert_eq!(config.section("other"), None);
        let names: Vec<_> = config.sections().map(|(name, _)| name).collect();
        assert_eq!(names, ["credsmash", "credsmash:key_service:kms"]);
    }

    #[test]
    fn lines_deeper_than_their_option_continue_it_and_defaults_hold_everywhere() {
        let config = read("[DEFAULT]\na=0\nd=9\n[x]\na=1\n  2\n\n  3\n\n\n[y]\n");
        let x = config.section("x").expect("a section");
        assert_eq!(x.get("a").cloned(), text("1\n2\n\n3"));
        assert_eq!(x.get("d").cloned(), text("9"));
        let y = config.section("y").expect("a section");
        assert_eq!(y.options().count(), 2);
        assert!(config.section("DEFAULT").is_none());
    }

    #[rstest]
    #[case(
        "\nkw-canary\n",
        "File contains no section headers.\nfile: 'c.cfg', line: 2"
    )]
    #[case(
        "[a]\n[a]\n",
        "While reading from 'c.cfg' [line  2]: section 'a' already exists"
    )]
    #[case(
        "[a]\nx=kw-canary\nX=2\n",
        "While reading from 'c.cfg' [line  3]: option 'x' in section 'a' already exists"
    )]
    #[case(
        "[a]\nkw-canary\n= kw-canary\n",
        "Source contains parsing errors: 'c.cfg'\n\t[line  2]\n\t[line  3]"
    )]
    #[case(
        "[a]\nm =\n  a=1\n  kw-canary\n",
        "While reading from 'c.cfg' [line  4]: a line of the map 'm' in section 'a' needs the form key = value"
    )]
    fn a_fault_is_told_as_python_tells_it_and_without_the_line_itself(
        #[case] document: &str,
        #[case] told: &str,
    ) {
        let error = Config::read(document.as_bytes(), "c.cfg").expect_err("a fault");
        assert_eq!(error.to_string(), told);
    }
}
