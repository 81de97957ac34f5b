//! Failures that a swarm or a plan has found: the smallest scenario of each.

use norm_sim::{Broken, Outcome, Recipe, Role, RunOptions, Scenario, attempt, run_to_end};

fn to_end(scenario: &Scenario) -> Outcome {
    run_to_end(scenario, &RunOptions::default())
}

fn assert_works(recipe: &str) {
    let recipe = Recipe::parse(recipe).expect("a recipe of this version");
    if let Err(message) = attempt(&recipe, true, to_end) {
        panic!("{message}");
    }
}

/// Runs a scenario in which receivers do not heed each other's NACKs.
fn without_suppression(scenario: &Scenario) -> Outcome {
    let mut scenario = scenario.clone();
    for host in &mut scenario.hosts {
        if let Role::Receiver(plan) = &mut host.role {
            plan.broken = Some(Broken::ForgetsSuppression);
        }
    }
    to_end(&scenario)
}

#[test]
fn blocks_due_in_a_backoff_do_not_make_all_receivers_ask() {
    assert_works(
        r#"{"seed":28,"receivers":44,"sizes":[201854],"info":false,"segment_size":1024,
            "block_len":2,"no_code":false,"rate_kbit":1000,"delay_us":10000,
            "features":[{"Tree":{"branches":1}},{"Fault":{"place":"TrunkDown",
            "rule":{"Loss":0.071}}}]}"#,
    );
}

#[test]
fn first_report_does_not_shorten_the_backoff_of_all() {
    assert_works(
        r#"{"seed":34,"receivers":59,"sizes":[220000],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":10000,"delay_us":50000}"#,
    );
}

#[test]
fn cache_smaller_than_a_block_is_slow_but_works() {
    assert_works(
        r#"{"seed":77,"receivers":1,"sizes":[600000],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"SmallCache":{"bytes":16384}}]}"#,
    );
}

#[test]
fn blocks_read_ahead_do_not_evict_each_other() {
    assert_works(
        r#"{"seed":1296,"receivers":2,"sizes":[4025974,4362634,0],"info":false,"segment_size":4096,
            "block_len":1024,"no_code":true,"rate_kbit":100000,"delay_us":50,
            "features":[{"Fault":{"place":"SenderIn","rule":{"Corrupt":0.011}}},
            {"SlowRead":{"delay_us":469}}]}"#,
    );
}

#[test]
fn unheard_receivers_do_not_count_against_suppression() {
    assert_works(
        r#"{"seed":76,"receivers":26,"sizes":[0],"info":false,"segment_size":1024,"block_len":64,
            "no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"OneWay":{"every":1}}]}"#,
    );
}

#[test]
fn requests_for_old_objects_are_understood_by_all() {
    assert_works(
        r#"{"seed":15077,"receivers":11,"sizes":[0,0,0],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":10000,
            "features":[{"Stalls":{"every":60,"at_ms":101,"for_ms":900,"buffer":65536}}]}"#,
    );
}

#[test]
fn receivers_that_hear_nothing_do_not_count_against_suppression() {
    assert_works(
        r#"{"seed":6891,"receivers":22,"sizes":[0],"info":false,"segment_size":1024,"block_len":64,
            "no_code":false,"rate_kbit":100000,"delay_us":10000,
            "features":[{"Fault":{"place":{"Down":1},"rule":{"Outage":{
            "from":{"secs":0,"nanos":99000000},"to":{"secs":0,"nanos":590000000}}}}}]}"#,
    );
}

#[test]
fn receivers_that_hear_again_after_an_outage_count() {
    let recipe = r#"{"seed":6891,"receivers":40,"sizes":[5000000],"info":false,"segment_size":1024,
        "block_len":16,"no_code":false,"rate_kbit":5000,"delay_us":10000,
        "features":[{"Fault":{"place":"SenderOut","rule":{"Loss":0.02}}},
        {"Fault":{"place":{"Down":1},"rule":{"Outage":{
        "from":{"secs":0,"nanos":99000000},"to":{"secs":0,"nanos":500000000}}}}}]}"#;
    assert_works(recipe);
    let recipe = Recipe::parse(recipe).expect("a recipe of this version");
    let failure = attempt(&recipe, false, without_suppression).map(drop).expect_err("many NACKs");
    assert!(failure.text.contains("NACKs were heard"), "{}", failure.text);
}

#[test]
fn receivers_that_lack_more_than_a_nack_can_name_do_not_all_ask() {
    assert_works(
        r#"{"seed":5194,"receivers":29,"sizes":[23000],"info":false,"segment_size":64,
            "block_len":64,"no_code":true,"rate_kbit":100000,"delay_us":250000,
            "features":[{"Fault":{"place":"SenderOut","rule":{"Bursts":{"enter":0.02,
            "leave":0.056,"loss":0.8}}}}]}"#,
    );
}

#[test]
fn receivers_of_a_sender_whose_packets_are_too_long_do_not_ask_again_and_again() {
    assert_works(
        r#"{"seed":13231,"receivers":40,"sizes":[0],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":250000,
            "features":[{"SecondSender":{"sizes":[1490],"rate_kbit":1000}},
            {"PathMtu":{"every":1,"size":1,"from_ms":0}}]}"#,
    );
}

#[test]
fn reordered_packets_do_not_shorten_waits_again_and_again() {
    assert_works(
        r#"{"seed":1,"receivers":60,"sizes":[70000],"info":false,"segment_size":64,"block_len":2,
            "no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"Fault":{"place":"SenderOut","rule":{"Jitter":{"secs":0,
            "nanos":3000000}}}}]}"#,
    );
}

#[test]
fn reports_of_the_content_are_asked_for_at_once() {
    assert_works(
        r#"{"seed":28,"receivers":1,"sizes":[1],"info":false,"segment_size":1024,"block_len":64,
            "no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"Payload":{"missing":false}}]}"#,
    );
}

#[test]
fn last_block_number_that_is_forged_is_survived() {
    assert_works(
        r#"{"seed":1291,"receivers":1,"sizes":[0],"info":false,"segment_size":1024,"block_len":64,
            "no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"ReedSolomon":{"id":"Id129","parity":16}},
            {"Attacker":{"attacks":["Collisions"],"rate":10,"at_ms":0}}]}"#,
    );
}

#[test]
fn start_that_a_move_interrupts_begins_anew() {
    assert_works(
        r#"{"seed":18585,"receivers":2,"sizes":[1500],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"Moves":{"every":60,"at_ms":[10]}},
            {"PathMtu":{"every":60,"size":1,"from_ms":0}}]}"#,
    );
}

#[test]
fn far_receivers_with_short_packets_are_followed() {
    for recipe in [
        r#"{"seed":1252,"receivers":2,"sizes":[1100],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":250000,
            "features":[{"PathMtu":{"every":3,"size":2,"from_ms":0}}]}"#,
        r#"{"seed":2630,"receivers":3,"sizes":[1000000],"info":false,"segment_size":1024,
            "block_len":64,"no_code":true,"rate_kbit":100000,"delay_us":250000,
            "features":[{"PathMtu":{"every":60,"size":1,"from_ms":0}}]}"#,
    ] {
        assert_works(recipe);
    }
}

#[test]
fn sender_that_tells_of_its_move_is_not_asked() {
    for recipe in [
        r#"{"seed":2472,"receivers":35,"sizes":[140000],"info":false,"segment_size":4096,
            "block_len":64,"no_code":false,"rate_kbit":1000,"delay_us":1000,
            "features":[{"Moves":{"every":60,"at_ms":[332]}}]}"#,
        r#"{"seed":10643,"receivers":24,"sizes":[9200,549971],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":10000,"delay_us":1000,
            "features":[{"Fault":{"place":{"Up":1},"rule":{"Duplicate":0.355}}},
            {"Moves":{"every":60,"at_ms":[475]}}]}"#,
    ] {
        assert_works(recipe);
    }
}

#[test]
fn end_of_a_flute_session_that_waited_for_a_slow_disk_is_told_at_once() {
    assert_works(
        r#"{"seed":1428,"receivers":2,"sizes":[1,1,1],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"Flute":{"passes":1,"once":10,"raptor":false,"interleave":null,
            "fdt_ms":1000,"set":false,"restart_ms":212,"same_tois":true,"known":true}},
            {"SlowDisk":{"every":60,"delay_us":300000}},{"Joins":{"every":60,"at_ms":340}}]}"#,
    );
}

#[test]
fn short_reed_solomon_blocks_of_flute_are_codes_of_their_own() {
    assert_works(
        r#"{"seed":192,"receivers":1,"sizes":[7500],"info":false,"segment_size":1024,
            "block_len":64,"no_code":false,"rate_kbit":100000,"delay_us":1000,
            "features":[{"Flute":{"passes":0,"once":null,"raptor":false,"interleave":null,
            "fdt_ms":1000,"set":false,"restart_ms":null,"same_tois":false,"known":true}},
            {"ReedSolomon":{"id":"Id5","parity":55}},
            {"Fault":{"place":{"Down":60},"rule":{"Loss":0.046}}}]}"#,
    );
}

#[test]
fn passes_of_norm_keep_the_code_that_fits_the_objects() {
    assert_works(
        r#"{"seed":3746,"receivers":1,"sizes":[760000],"info":false,"segment_size":1024,
            "block_len":2,"no_code":true,"rate_kbit":100000,"delay_us":1000,
            "features":[{"ReedSolomon":{"id":"Id2","parity":55}},
            {"Carousel":{"passes":1,"once":null,"interleave":2496}}]}"#,
    );
}

#[test]
fn object_may_be_mixed_once_for_each_of_its_blocks() {
    assert_works(
        r#"{"seed":15517,"receivers":11,"sizes":[0,0,38,44,13,20,4770,187,2011,19633,1297,58,2239,
            385,32088,9684,256,1,391,520,1,25309,1,30,31,3378,2008,1,26070,1,28526,0,0],
            "info":true,"segment_size":128,"block_len":64,"no_code":false,"rate_kbit":10000,
            "delay_us":1000,"features":[{"Fault":{"place":{"Down":3},"rule":{"Loss":0.023}}},
            {"SlowRead":{"delay_us":1067}},{"Withdraws":{"at_ms":2,"chunk":1,"share":0.02}}]}"#,
    );
}

#[test]
fn changed_bytes_that_are_what_they_were_mix_nothing() {
    assert_works(
        r#"{"seed":15517,"receivers":31,"sizes":[1,0,1,1,13,20,4770,187,2011,19633,1297,58,
            2239,385,32088,9684,256,1,391,520,1,25309,1,30,31,3378,2008,1,26070,1,28526,0,0,0,0,
            0,0],"info":true,"segment_size":128,"block_len":64,"no_code":false,
            "rate_kbit":10000,"delay_us":1000,"features":[{"Fault":{"place":{"Down":3},
            "rule":{"Loss":0.023}}},{"SlowRead":{"delay_us":1067}},{"Withdraws":{"at_ms":2,
            "chunk":1,"share":0.02}},{"Sealed":{"chacha":true}}]}"#,
    );
}

#[test]
fn request_for_a_block_without_room_leaves_space_for_those_that_have_it() {
    assert_works(
        r#"{"seed":17205,"receivers":1,"sizes":[85000],"info":false,"segment_size":64,
            "block_len":64,"no_code":false,"rate_kbit":10000,"delay_us":1000,
            "features":[{"ReedSolomon":{"id":"Id129","parity":55}},
            {"Fault":{"place":{"Down":60},"rule":{"Recorded":[false,false,true,false,true]}}},
            {"FewBlocks":{"every":60,"blocks":2}},
            {"Withdraws":{"at_ms":0,"chunk":61,"share":0.5}}]}"#,
    );
}

#[test]
fn key_for_one_of_two_senders_is_enough_to_ask_it() {
    assert_works(
        r#"{"seed":420,"receivers":14,"sizes":[0],"info":false,"segment_size":1024,"block_len":64,
            "no_code":false,"rate_kbit":100000,"delay_us":1000,"features":[
            {"SecondSender":{"sizes":[0],"rate_kbit":100000}},{"Roster":{"keys":true}}]}"#,
    );
}

/// Content that goes by before receivers have followed their sender tells none of them how long a
/// packet may be: those with a narrow path ask for ever.
#[test]
fn sealed_sender_that_moves_at_once_is_followed_before_its_content_goes_on() {
    assert_works(
        r#"{"seed":8694,"receivers":13,"sizes":[3072924,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,
            0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"info":false,"segment_size":999,
            "block_len":200,"no_code":false,"rate_kbit":1000000,"delay_us":1000,
            "features":[{"Snooping":{"every":1}},{"Backoff":4},{"Moves":{"every":1,
            "at_ms":[13]}},{"PathMtu":{"every":3,"size":1,"from_ms":0}},
            {"Sealed":{"chacha":false}}]}"#,
    );
}
