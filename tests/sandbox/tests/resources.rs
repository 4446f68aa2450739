//! Endpoints, SIMs, SMS and other resources over a real connection, as emnify's SDK uses them.

#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part")]
mod common;

use common::{Rig, header, status_and_body, text};
use reqwest::Method;
use serde_json::{Value, json};

const ENDPOINT: &str = "/api/v1/endpoint/100001";

#[cfg(test)]
fn call(rig: &Rig, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = rig.client.request(method, rig.url(path)).bearer_auth(token);
    status_and_body(if body.is_null() { request } else { request.json(body) }.send().unwrap())
}

#[test]
fn sms_are_sent_listed_and_cancelled() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let list = format!("{ENDPOINT}/sms");
    let message = json!({ "payload": "hello", "source_address": 12345 });
    let sent = rig.client.post(rig.url(&list)).bearer_auth(&token).json(&message).send().unwrap();
    assert_eq!(sent.status(), 201);
    let location = header(&sent, "location");
    assert_eq!(location, rig.url(&format!("{list}/1")));
    let (_, rows) = status_and_body(rig.get(&token, &list));
    assert_eq!(rows[0]["payload"], "hello");
    assert_eq!(rows[0]["source_address"], "12345");
    assert!(text(&rows[0], "submit_date").ends_with(".000+0000"));
    assert!(rows[0].get("delivery_date").is_none());
    let one = format!("{list}/1");
    assert_eq!(call(&rig, &token, Method::GET, &one, &Value::Null).0, 200);
    assert_eq!(call(&rig, &token, Method::DELETE, &one, &Value::Null).0, 204);
    assert_eq!(call(&rig, &token, Method::GET, &one, &Value::Null).0, 404);
    assert_eq!(call(&rig, &token, Method::POST, &list, &json!({})).0, 422);
}

#[test]
fn operators_and_the_blacklist() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let (_, operators) = status_and_body(rig.get(&token, "/api/v1/operator"));
    assert_eq!(operators[3]["id"], 553);
    let list = format!("{ENDPOINT}/operator_blacklist");
    let one = format!("{list}/553");
    assert_eq!(status_and_body(rig.get(&token, &list)).1, json!([]));
    assert_eq!(call(&rig, &token, Method::PUT, &one, &Value::Null).0, 204);
    let (status, body) = call(&rig, &token, Method::PUT, &one, &Value::Null);
    assert_eq!((status, &body["error_code"]), (409, &json!(1405)));
    assert_eq!(status_and_body(rig.get(&token, &list)).1[0]["name"], "Orange");
    assert_eq!(call(&rig, &token, Method::DELETE, &one, &Value::Null).0, 204);
    assert_eq!(call(&rig, &token, Method::DELETE, &one, &Value::Null).0, 404);
    let unknown = format!("{list}/999");
    assert_eq!(call(&rig, &token, Method::PUT, &unknown, &Value::Null).0, 404);
}

#[test]
fn the_other_routes() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let connectivity = format!("{ENDPOINT}/connectivity");
    assert_eq!(
        status_and_body(rig.get(&token, &connectivity)).1["status"]["description"],
        "OFFLINE"
    );
    let reset = json!({ "pdp_context": null });
    assert_eq!(call(&rig, &token, Method::PATCH, &connectivity, &reset).0, 204);
    assert_eq!(
        status_and_body(rig.get(&token, "/api/v1/sim/status")).1[1]["description"],
        "Activated"
    );
    assert_eq!(status_and_body(rig.get(&token, "/api/v1/event/type")).1[7]["id"], 7);
    assert_eq!(status_and_body(rig.get(&token, "/api/v1/organisation/my")).1["id"], 1234);
    let sim = "/api/v1/sim/500001";
    assert_eq!(call(&rig, &token, Method::DELETE, sim, &Value::Null).0, 204);
    assert_eq!(rig.get(&token, sim).status(), 404);
}

#[test]
fn unknown_ids_get_a_404_and_malformed_ones_a_400() {
    let rig = Rig::new();
    let token = rig.sign_in();
    for (path, expected) in [
        ("/api/v1/endpoint/-1", (404, 1401)),
        ("/api/v1/endpoint/7", (404, 1401)),
        ("/api/v1/endpoint/None", (400, 1000)),
        ("/api/v1/endpoint/7/sms", (404, 1401)),
        ("/api/v1/nothing", (404, 1201)),
    ] {
        let (status, body) = status_and_body(rig.get(&token, path));
        assert_eq!((status, body["error_code"].as_u64().unwrap()), expected, "{path}");
    }
}

#[test]
fn an_unsupported_method_gets_a_405() {
    let rig = Rig::new();
    let token = rig.sign_in();
    let put = rig.client.put(rig.url(ENDPOINT)).bearer_auth(&token).send().unwrap();
    assert_eq!(
        (put.status().as_u16(), header(&put, "allow").as_str()),
        (405, "GET, PATCH, DELETE")
    );
}

#[test]
fn the_gateway_refuses_tokens_of_the_wrong_shape() {
    let rig = Rig::new();
    for (token, error_type) in
        [("None", "AccessDeniedException"), ("a.b.c", "UnauthorizedException")]
    {
        let refused = rig.get(token, ENDPOINT);
        assert_eq!(refused.status(), 401);
        assert_eq!(header(&refused, "x-amzn-errortype"), error_type);
    }
}

#[test]
fn lists_are_filtered_sorted_and_paged() {
    let rig = Rig::new();
    let token = rig.sign_in();
    for (path, maximum) in [("sim", "2000"), ("endpoint", "1000"), ("event", "100")] {
        let response = rig.get(&token, &format!("/api/v1/{path}?per_page=9999"));
        assert_eq!(header(&response, "x-count-per-page"), maximum);
    }
    let response = rig.get(&token, "/api/v1/sim?sort=-iccid&per_page=2");
    assert_eq!(header(&response, "x-sort"), "-iccid");
    assert_eq!(status_and_body(response).1[0]["id"], 500_300);
    let (_, rows) =
        status_and_body(rig.get(&token, "/api/v1/endpoint?q=status:1,name:gateway-001*"));
    assert_eq!(rows.as_array().unwrap().len(), 1);
    for (query, code) in [("q=status:off", 1301), ("sort=colour", 1302)] {
        let (status, body) = status_and_body(rig.get(&token, &format!("/api/v1/sim?{query}")));
        assert_eq!((status, body["error_code"].as_u64()), (422, Some(code)));
    }
}
