//! The contract, on every store that the environment names. See the README.

use std::sync::Arc;

use archive_sink::{AttributeSupport, LocalFolder, S3Connector};
use futures_util::{StreamExt, TryStreamExt};
use object_store::{
    ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, client::ReqwestConnector,
    gcp::GoogleCloudStorageBuilder, memory::InMemory, path::Path, prefix::PrefixStore,
};
use url::Url;

use crate::{contract::check_all, s3_server::PART, support::Target};

/// URLs with blanks between them.
const NAMES: &str = "ARCHIVE_SINK_TEST_STORES";

/// The stores of a URL: S3 with and without the client that archives should have.
fn stores(url: &Url) -> Vec<Arc<dyn ObjectStore>> {
    match url.scheme() {
        "s3" => {
            let s3 = AmazonS3Builder::from_env().with_url(url.as_str());
            let connector = S3Connector::new(ReqwestConnector::default()).replacing();
            let careful = s3.clone().with_http_connector(connector);
            vec![
                Arc::new(s3.build().unwrap()),
                Arc::new(careful.build().unwrap()),
            ]
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            vec![Arc::new(builder.build().unwrap())]
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            vec![Arc::new(builder.build().unwrap())]
        }
        "file" => {
            let folder = LocalFolder::open(url.to_file_path().unwrap()).unwrap();
            vec![Arc::new(folder)]
        }
        "memory" => vec![Arc::new(InMemory::new())],
        scheme => panic!("{NAMES}: nothing is known of {scheme}:// URLs"),
    }
}

#[tokio::test]
async fn every_store_that_the_environment_names_keeps_the_contract() {
    let names = std::env::var(NAMES).unwrap_or_default();
    for name in names.split_whitespace() {
        let url: Url = name.parse().unwrap();
        // Where in the store: a folder's path is not in its keys.
        let place = match url.scheme() {
            "file" => Path::ROOT,
            _ => Path::from_url_path(url.path()).unwrap(),
        };
        for store in stores(&url) {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            let run = format!("archive-sink-test-{}", now.as_nanos());
            let store = PrefixStore::new(store, place.clone().join(run));
            let store: Arc<dyn ObjectStore> = Arc::new(store);
            let target = Target {
                attributes: match url.scheme() {
                    "file" => AttributeSupport::Absent,
                    _ => AttributeSupport::Kept,
                },
                store: Arc::clone(&store),
                part_size: PART,
                leftovers: Arc::new(Vec::new),
            };
            check_all(&target).await;
            let locations = store.list(None).map_ok(|meta| meta.location).boxed();
            let deleted: Result<Vec<_>, _> = store.delete_stream(locations).try_collect().await;
            deleted.unwrap();
        }
    }
}
