//! The part of JSON Schema that the descriptions use: does a value fit, and which values fit.

use serde_json::{Map, Value, json};

use crate::providers::{moment, seed};

/// What is wrong with a value; `None` when it fits.
pub(super) fn mistake(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolve(document, schema);
    let at = |what: &str| Some(format!("{what}: {value} against {schema}"));
    if !types(schema).is_empty() && !types(schema).iter().any(|name| is(name, value)) {
        return at("type");
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        return at("const");
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        return at("enum");
    }
    for (word, wanted) in [("anyOf", 1..=usize::MAX), ("oneOf", 1..=1)] {
        if let Some(options) = schema[word].as_array() {
            let fits = options.iter().filter(|one| mistake(document, one, value).is_none());
            if !wanted.contains(&fits.count()) {
                return at(word);
            }
        }
    }
    match value {
        Value::String(text) => {
            let length = size(text.chars().count());
            let formed = match schema["format"].as_str() {
                Some("date") => moment::parse_date(text).is_some(),
                Some("date-time") => moment::parse_iso(text).is_some(),
                _ => true,
            };
            let shaped =
                schema["pattern"].as_str().is_none_or(|pattern| has_pattern(text, pattern));
            if !formed || !shaped {
                return at("format");
            }
            out_of(schema, "minLength", "maxLength", length).then(|| at("length"))?
        }
        Value::Number(number) => {
            let number = number.as_f64()?;
            out_of(schema, "minimum", "maximum", number).then(|| at("range"))?
        }
        Value::Array(items) => {
            if out_of(schema, "minItems", "maxItems", size(items.len())) {
                return at("items");
            }
            let wanted = schema.get("items")?;
            items.iter().find_map(|item| mistake(document, wanted, item))
        }
        Value::Object(fields) => object_mistake(document, schema, fields),
        Value::Null | Value::Bool(_) => None,
    }
}

fn object_mistake(document: &Value, schema: &Value, fields: &Map<String, Value>) -> Option<String> {
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str()?) {
            return Some(format!("{name} is missing in {fields:?}"));
        }
    }
    fields.iter().find_map(|(name, field)| {
        match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
            Some(wanted) if wanted.is_object() => mistake(document, wanted, field),
            Some(Value::Bool(false)) => Some(format!("{name} is not documented")),
            _ => None,
        }
    })
}

/// A value that fits, drawn for the names.
pub(super) fn fitting(document: &Value, schema: &Value, draw: u64, depth: usize) -> Value {
    let schema = resolve(document, schema);
    let pick = |name: &str, bound: u64| seed::below(draw, &[name, &depth.to_string()], bound);
    let index = |name: &str, bound: usize| usize::try_from(pick(name, bound as u64)).unwrap();
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(options) = schema["enum"].as_array() {
        return options[index("enum", options.len())].clone();
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(options) = schema[word].as_array() {
            let option = &options[index(word, options.len())];
            return fitting(document, option, draw, depth + 1);
        }
    }
    if let Some(examples) = schema["examples"].as_array()
        && (pick("example", 3) > 0 || schema.get("format").is_some())
    {
        return examples[index("examples", examples.len())].clone();
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        // Well shaped, but often no day of the calendar.
        let digit = char::from(b'0' + u8::try_from(pick("digit", 10)).unwrap());
        return shape(pattern).replace('9', &digit.to_string()).into();
    }
    let types = types(schema);
    let chosen = if types.is_empty() { "object" } else { types[index("type", types.len())] };
    match chosen {
        "string" => {
            let least = schema["minLength"].as_u64().unwrap_or(0);
            let most = schema["maxLength"].as_u64().unwrap_or(40).min(least + 20);
            let length = least + pick("length", most - least + 1);
            let letters = ["đ", "1", " ", "\0", "A", "😀", "\"", "."];
            (0..length)
                .map(|at| letters[index(&format!("letter {at}"), letters.len())])
                .collect::<String>()
                .into()
        }
        "integer" | "number" => {
            let least = schema["minimum"].as_i64().unwrap_or(-5);
            let most = schema["maximum"].as_i64().unwrap_or(i64::MAX).min(least + 30);
            let offset = pick("number", u64::try_from(most - least + 1).unwrap());
            json!(least + i64::try_from(offset).unwrap())
        }
        "boolean" => json!(pick("boolean", 2) == 1),
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let items = least + pick("items", 3);
            let one = |at| fitting(document, &schema["items"], draw ^ (at + 1), depth + 1);
            if schema.get("items").is_some() { (0..items).map(one).collect() } else { json!([]) }
        }
        "object" => {
            let mut fields = Map::new();
            for (at, (name, field)) in
                schema["properties"].as_object().into_iter().flatten().enumerate()
            {
                let required =
                    schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
                if required || pick(name, 2) == 1 {
                    let draw = draw.wrapping_mul(31).wrapping_add(at as u64);
                    fields.insert(name.clone(), fitting(document, field, draw, depth + 1));
                }
            }
            Value::Object(fields)
        }
        _ => Value::Null,
    }
}

/// The value with one place of it changed.
pub(super) fn spoiled(value: &Value, draw: u64) -> Value {
    let junk = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(true),
        json!("x".repeat(20_001)),
        json!([[]]),
        json!({"a": 1}),
        json!("0"),
    ];
    let bound = |length: usize| usize::try_from(seed::below(draw, &["at"], length as u64)).unwrap();
    let mut value = value.clone();
    match &mut value {
        Value::Object(fields) if !fields.is_empty() && !draw.is_multiple_of(8) => {
            let name = fields.keys().nth(bound(fields.len())).unwrap().clone();
            if draw.is_multiple_of(5) {
                fields.remove(&name);
            } else {
                let changed = spoiled(&fields[&name], draw / 8 + 1);
                fields.insert(name, changed);
            }
        }
        Value::Array(items) if !items.is_empty() && !draw.is_multiple_of(8) => {
            let at = bound(items.len());
            items[at] = spoiled(&items[at], draw / 8 + 1);
        }
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_)) => *other = junk[bound(junk.len())].clone(),
    }
    value
}

pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => {
            let found = document.pointer(name.trim_start_matches('#'));
            found.unwrap_or_else(|| panic!("{name} is not in the components"))
        }
        None => schema,
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![],
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn out_of(schema: &Value, least: &str, most: &str, number: f64) -> bool {
    schema[least].as_f64().is_some_and(|least| number < least)
        || schema[most].as_f64().is_some_and(|most| number > most)
}

/// The regular expressions that the descriptions use: `^`, `[0-9]{n}` and plain characters, `$`.
fn has_pattern(text: &str, pattern: &str) -> bool {
    let shape = shape(pattern);
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'9' => byte.is_ascii_digit(),
            fixed => byte == fixed,
        })
}

/// The pattern with `9` for each digit.
fn shape(pattern: &str) -> String {
    let shape = pattern.trim_start_matches('^').trim_end_matches('$');
    let shape = shape.replace("[0-9]{2}", "99").replace("[0-9]{4}", "9999");
    assert!(!shape.contains(['[', '{', '\\']), "{pattern} is not understood");
    shape
}
