use super::*;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn a_request_after_an_answer_is_another_flight() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    for _ in 0..5 {
        client.write_all(b"abc").unwrap();
        read(&mut client, 3);
    }
    let five = Traffic {
        connections: 1,
        flights: 5,
        bursts: 5,
        sent: 15,
        received: 15,
    };
    assert_eq!(relay.traffic(), five);
    assert_eq!(relay.traffic() - five, Traffic::default());
}

#[test]
fn requests_without_an_answer_in_between_are_one_flight() {
    let server = crate::misbehaving::silent().unwrap();
    let relay = Relay::to(server.address()).unwrap();
    let mut client = connect(&relay);
    client.write_all(b"ab").unwrap();
    wait_until(|| relay.traffic().bursts == 1);
    client.write_all(b"cd").unwrap();
    wait_until(|| relay.traffic().bursts == 2);
    assert_eq!(relay.traffic().flights, 1);
}

#[test]
fn flights_are_counted_per_connection() {
    let (_server, relay) = echo();
    let (mut one, mut two) = (connect(&relay), connect(&relay));
    one.write_all(b"1").unwrap();
    read(&mut one, 1);
    two.write_all(b"2").unwrap();
    read(&mut two, 1);
    let traffic = relay.traffic();
    assert_eq!((traffic.connections, traffic.flights), (2, 2));
}

#[test]
fn answers_are_delayed_as_configured() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.delay_answers(Duration::from_millis(150));
    let sent = Instant::now();
    client.write_all(b"slow").unwrap();
    read(&mut client, 4);
    assert!(sent.elapsed() >= Duration::from_millis(150));

    relay.delay_answers(Duration::ZERO);
    let sent = Instant::now();
    client.write_all(b"fast").unwrap();
    read(&mut client, 4);
    assert!(sent.elapsed() < Duration::from_millis(150));
}

#[test]
fn delays_of_pieces_do_not_add_up() {
    let delay = Duration::from_millis(200);
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.delay_answers(delay);
    let sent = Instant::now();
    for _ in 0..4 {
        client.write_all(b"piece").unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    read(&mut client, 20);
    assert!(sent.elapsed() < 2 * delay, "{:?}", sent.elapsed());
}

#[test]
fn held_bytes_pass_when_they_are_released() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.hold();
    client.write_all(b"held").unwrap();
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(client.read(&mut [0; 4]).is_err(), "bytes came through");
    relay.release();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(read(&mut client, 4), b"held");
}

#[test]
fn a_cut_closes_open_connections_and_admits_new_ones() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    client.write_all(b"before").unwrap();
    read(&mut client, 6);
    relay.cut();
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));

    let mut client = connect(&relay);
    client.write_all(b"after").unwrap();
    assert_eq!(read(&mut client, 5), b"after");
}

#[test]
fn a_cut_after_some_bytes_forwards_exactly_those() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.cut_after(4);
    client.write_all(b"abcdefgh").unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"abcd");

    let mut client = connect(&relay);
    client.write_all(b"whole again").unwrap();
    assert_eq!(read(&mut client, 11), b"whole again");
}

#[test]
fn a_cut_at_a_flight_forwards_it_and_withholds_the_answer() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.cut_at_answer_to_flight(2);
    client.write_all(b"first").unwrap();
    assert_eq!(read(&mut client, 5), b"first");
    client.write_all(b"second").unwrap();
    let mut got = Vec::new();
    assert!(matches!(client.read_to_end(&mut got), Ok(0) | Err(_)));
    assert_eq!((relay.traffic().sent, relay.traffic().received), (11, 5));
}

#[test]
fn a_connection_is_open_until_both_sides_have_ended() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    client.write_all(b"open").unwrap();
    read(&mut client, 4);
    assert_eq!(relay.open_connections(), 1);
    drop(client);
    wait_until(|| relay.open_connections() == 0);
}

#[test]
fn the_end_of_one_side_reaches_the_other() {
    let server = Listener::start(|mut stream| drop(stream.write_all(b"bye"))).unwrap();
    let relay = Relay::to(server.address()).unwrap();
    let mut got = Vec::new();
    connect(&relay).read_to_end(&mut got).unwrap();
    assert_eq!(got, b"bye");
}

#[test]
fn dropping_a_relay_closes_its_connections_even_if_they_are_held() {
    let (_server, relay) = echo();
    let mut client = connect(&relay);
    relay.hold();
    client.write_all(b"never").unwrap();
    drop(relay);
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
}

/// An echo server, and a relay to it.
fn echo() -> (Listener, Relay) {
    let server = Listener::start(|mut stream| {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
    });
    let server = server.unwrap();
    let relay = Relay::to(server.address()).unwrap();
    (server, relay)
}

fn connect(relay: &Relay) -> TcpStream {
    let client = TcpStream::connect(relay.address()).unwrap();
    client.set_nodelay(true).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn read(client: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    client.read_exact(&mut buffer).unwrap();
    buffer
}

fn wait_until(condition: impl Fn() -> bool) {
    let given_up = Instant::now() + LIMIT;
    while !condition() {
        assert!(
            Instant::now() < given_up,
            "the condition was not met within {LIMIT:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}
