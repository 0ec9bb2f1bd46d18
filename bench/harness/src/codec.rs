use clap::ValueEnum;

/// How the archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// At level 3.
    Gzip,
    /// At level 1, with a checksum.
    Zstd,
}

impl Codec {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
