//! Real auctions, where they are present.

use crate::end_to_end::send_and_check;
use crate::support::captures;

#[test]
#[expect(
    clippy::print_stdout,
    reason = "with none present the test is empty, and its output says so"
)]
fn every_real_auction() {
    let captures = captures();
    println!("{} real auctions found", captures.len());
    for path in captures {
        println!("{}", path.display());
        send_and_check(&path, "gzip", ".gz");
        send_and_check(&path, "zstd", ".zst");
    }
}
