//! How much receivers of a FLUTE carousel have to wait for: the table of docs/flute.md. Runs only
//! with `NORM_TEST_SCALE=1`, in a release build.

use norm_sim::{Carousel, seeds, skips};

#[test]
fn one_in_twenty_waits_for_no_more_than_the_table_says() {
    if skips("64 MiB to fifty receivers") {
        return;
    }
    for (loss, bound) in Carousel::BOUNDS {
        let waited = Carousel::new(loss).run(&seeds(50), 2);
        let most = waited.percentile(0.95);
        println!("{loss}: {most:.4}, mean {:.4}", waited.mean());
        assert!(most <= bound, "{most} at a loss of {loss}");
    }
}
