//! Takes the provider's host out of an OpenAPI description (wire/xroad.md 2.8, `getOpenAPI`).

use serde_json::Value;

/// Leaves of every server address its path, as X-Road does. An address with variables (`{…}`) stays,
/// as there. Beyond X-Road, servers of single paths and operations are treated too.
pub(super) fn anonymise_servers(description: &mut Value) {
    anonymise_list(description);
    let Some(paths) = description.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for path in paths.values_mut() {
        anonymise_list(path);
        let Some(operations) = path.as_object_mut() else { continue };
        operations.values_mut().for_each(anonymise_list);
    }
}

fn anonymise_list(owner: &mut Value) {
    let Some(servers) = owner.get_mut("servers").and_then(Value::as_array_mut) else { return };
    for server in servers {
        if let Some(Value::String(url)) = server.get_mut("url")
            && !(url.contains('{') && url.contains('}'))
        {
            *url = path_of(url).to_owned();
        }
    }
}

fn path_of(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let plain = url.get(..end).unwrap_or_default();
    let authority = match plain.split_once("://") {
        Some((_, rest)) => rest,
        None => match plain.strip_prefix("//") {
            Some(rest) => rest,
            None => return plain,
        },
    };
    authority.find('/').and_then(|at| authority.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{anonymise_servers, path_of};
    use serde_json::json;

    #[test]
    fn only_the_path_of_an_address_is_left() {
        let cases = [
            ("https://10.0.0.7:8443/api/v1", "/api/v1"),
            ("http://internal.example", ""),
            ("http://internal.example/?a=//b", "/"),
            ("//internal.example/x", "/x"),
            ("/api", "/api"),
            ("api", "api"),
            ("", ""),
        ];
        for (url, expected) in cases {
            assert_eq!(path_of(url), expected, "{url}");
        }
    }

    #[test]
    fn servers_are_made_anonymous_wherever_they_stand() {
        let server = json!([{"url": "http://secret/a"}]);
        let mut description = json!({
            "openapi": "3.0.0",
            "servers": [{"url": "http://secret/a"}, {"url": "https://{env}/x"}, 7],
            "paths": {
                "/x": {"servers": server, "get": {"servers": server, "responses": {}}},
                "/y": null,
            },
        });
        anonymise_servers(&mut description);
        assert!(!description.to_string().contains("secret"));
        assert_eq!(description["servers"][1]["url"], "https://{env}/x");
        assert_eq!(description["paths"]["/x"]["get"]["servers"][0]["url"], "/a");
    }
}
