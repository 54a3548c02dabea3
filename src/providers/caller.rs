//! Who asks: agency codes inside member ids, compared across their two written forms (domain.md 3.1).

/// The agency code of `VN:GOV:000.00.06.H60:QLVB` in the new form, `H60.06`; of another class the member's name.
pub fn agency_of(caller: &str) -> String {
    new_form(caller.split(':').nth(2).unwrap_or(caller))
}

/// `000.21.31.H53` becomes `H53.31.21`: zero groups dropped, order reversed. Other codes stay as they are.
pub fn new_form(code: &str) -> String {
    let groups: Vec<&str> = code.split('.').collect();
    let [fourth, third, second, first] = groups.as_slice() else {
        return code.to_owned();
    };
    let is_number = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    if ![fourth, third, second].into_iter().all(is_number) {
        return code.to_owned();
    }
    let mut form = (*first).to_owned();
    for group in [second, third, fourth] {
        if group.bytes().any(|byte| byte != b'0') {
            form.push('.');
            form.push_str(group);
        }
    }
    form
}

/// The ministry or province of an agency code: `H60` of `000.00.06.H60`.
pub fn level_one(code: &str) -> String {
    let form = new_form(code);
    form.split('.').next().unwrap_or_default().to_owned()
}

/// Whether `upper` stands above `lower` in the tree; an agency does not stand above itself.
pub fn stands_above(upper: &str, lower: &str) -> bool {
    let (upper, lower) = (new_form(upper), new_form(lower));
    lower.strip_prefix(upper.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a member may act for an agency: itself, its units, and the units beside it under one ministry or
/// province, because one LGSP connects them all (domain.md 1.2 C2).
pub fn speaks_for(caller: &str, code: &str) -> bool {
    !code.is_empty() && level_one(&agency_of(caller)) == level_one(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_agency() {
        let table = [
            ("000.00.00.H53", "H53"),
            ("000.00.13.H53", "H53.13"),
            ("000.21.31.H53", "H53.31.21"),
            ("H53.31.21", "H53.31.21"),
            ("H37.DN.001", "H37.DN.001"),
            ("0106001236", "0106001236"),
            ("", ""),
        ];
        for (given, form) in table {
            assert_eq!(new_form(given), form);
            assert_eq!(new_form(form), form);
        }
        assert_eq!(agency_of("VN:GOV:000.00.06.H60:QLVB"), "H60.06");
        assert_eq!(level_one("000.21.31.H53"), "H53");
    }

    #[test]
    fn a_province_stands_above_its_units_only() {
        assert!(stands_above("000.00.00.H53", "000.21.31.H53"));
        assert!(!stands_above("H53", "H53"));
        assert!(!stands_above("H53.3", "H53.31"));
        assert!(speaks_for("VN:GOV:000.00.06.H60:QLVB", "000.00.00.H60"));
        assert!(!speaks_for("VN:GOV:000.00.06.H60:QLVB", "H61"));
        assert!(!speaks_for("", ""));
    }
}
