//! How much receivers of a carousel have to wait for: the tables of docs/flute.md. Runs only with
//! `NORM_TEST_SCALE=1`, in a release build.

use norm_sim::{Carousel, CarouselProtocol, seeds, skips};

#[test]
fn one_in_twenty_waits_for_no_more_than_the_table_says() {
    if skips("64 MiB to fifty receivers") {
        return;
    }
    for protocol in [CarouselProtocol::Flute, CarouselProtocol::Norm] {
        for (loss, bound) in Carousel::BOUNDS {
            let waited = Carousel::new(loss).by(protocol).run(&seeds(50), 2);
            let most = waited.percentile(0.95);
            println!("{protocol:?}, {loss}: {most:.4}, mean {:.4}", waited.mean());
            assert!(most <= bound, "{most} at a loss of {loss} by {protocol:?}");
        }
    }
}
