use http::header::HeaderValue;
use uuid::Uuid;

use crate::auction_id::AuctionId;

/// The value of `X-REQUEST-ID` for every request of one run: the auction's id, else one that is made up.
pub(crate) fn request_id(id: Option<&AuctionId>) -> HeaderValue {
    let made_up = || HeaderValue::from_str(&Uuid::new_v4().to_string());
    id.map_or_else(made_up, |id| HeaderValue::from_str(id.as_str()))
        // Neither can be: ids of auctions and uuids are made of letters, digits and `._-`.
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_auctions_id_or_a_new_one() {
        let id: AuctionId = "8339027".parse().unwrap();
        assert_eq!(request_id(Some(&id)), "8339027");
        let (one, other) = (request_id(None), request_id(None));
        assert_eq!(one.len(), 36);
        assert_ne!(one, other);
    }
}
