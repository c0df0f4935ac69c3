//! One process, many clients.

use serde_json::json;

use super::{Raw, info, start_echo, until};
use crate::daemon::Daemon;
use crate::open_files::start_limited;

#[test]
fn clients_with_the_same_ids_share_one_process_and_its_one_handshake() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let mut clients: Vec<Raw> = (0..20).map(|_| Raw::connect(&socket)).collect();
    for client in &mut clients {
        assert_eq!(client.greet()["serverInfo"]["name"], "echo");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for id in [json!(1), json!("1")] {
            client.say(&json!({"id": id, "method": "echo", "params": {"of": number, "as": id}}));
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for id in [json!(1), json!("1")] {
            let answer = client.hear();
            assert_eq!(
                (&answer["id"], &answer["result"]),
                (&id, &json!({"of": number, "as": id}))
            );
        }
    }
    let heard = clients[7].call("heard", json!({}));
    assert_eq!(
        (&heard["initialize"], &heard["initialized"]),
        (&json!(1), &json!(1))
    );
    let server = info(&daemon);
    assert_eq!(
        (&server["clients"], &server["pending"]),
        (&json!(20), &json!(0))
    );
    assert_eq!(server["state"], "running");
}

#[test]
fn progress_a_question_and_a_word_to_all_reach_whom_they_concern() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let (mut first, mut second) = (Raw::connect(&socket), Raw::connect(&socket));
    first.greet();
    second.greet();
    second.say(
        &json!({"id": 5, "method": "progress", "params": {"_meta": {"progressToken": "mine"}}}),
    );
    assert_eq!(second.hear()["params"]["progressToken"], "mine");
    assert_eq!(second.hear()["id"], 5);
    // Who has made the handshake is asked, whoever has caused it.
    second.say(&json!({"id": 6, "method": "ask"}));
    let question = first.hear();
    assert_eq!(question["method"], "roots/list");
    first.say(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}}));
    assert_eq!(second.hear()["result"]["result"], json!({"roots": []}));
    let word = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    second.say(&json!({"id": 7, "method": "say", "params": {"notification": word}}));
    assert_eq!((first.hear(), second.hear()), (word.clone(), word));
    assert_eq!(second.hear()["id"], 7);
}

#[test]
fn what_a_client_asks_ends_with_it() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let (mut stays, mut goes) = (Raw::connect(&socket), Raw::connect(&socket));
    stays.greet();
    goes.greet();
    goes.say(&json!({"id": 1, "method": "silent"}));
    goes.call("resources/subscribe", json!({"uri": "u:1"}));
    assert_eq!(info(&daemon)["pending"], 1);
    goes.leave();
    until("the end of its request", || info(&daemon)["pending"] == 0);
    let heard = stays.call("heard", json!({}));
    assert_eq!(
        (&heard["cancelled"], &heard["unsubscribed"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn the_hundred_and_first_client_is_told_why_it_cannot_stay() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let mut clients: Vec<Raw> = (0..100).map(|_| Raw::connect(&socket)).collect();
    assert_eq!(clients[99].call("echo", json!(1)), 1);
    let mut last = Raw::connect(&socket);
    assert!(
        last.hear()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("100 clients")
    );
    assert_eq!(last.hear_line(), "");
    clients.pop().unwrap().leave();
    until("a free place", || info(&daemon)["clients"] == 99);
    assert_eq!(Raw::connect(&socket).call("echo", json!(2)), 2);
}

#[test]
fn a_client_that_the_limit_of_open_files_does_not_carry_is_told_so() {
    let daemon = start_limited(140);
    let socket = start_echo(&daemon, "echo", &[]);
    // Of the 9 descriptors that shared servers may have, the server itself has 5.
    let mut clients: Vec<Raw> = (0..4).map(|_| Raw::connect(&socket)).collect();
    assert_eq!(clients[3].call("echo", json!(1)), 1);
    let mut last = Raw::connect(&socket);
    let told = last.hear()["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("open files"), "{told}");
    assert_eq!(last.hear_line(), "");
    clients.pop().unwrap().leave();
    until("a free place", || info(&daemon)["clients"] == 3);
    assert_eq!(Raw::connect(&socket).call("echo", json!(2)), 2);
}
