/// Something drawn, ready to be put into a [`Section`](super::Section).
#[derive(Clone, Debug)]
pub struct Figure {
    html: String,
}

impl Figure {
    /// What is drawn already, as markup.
    pub(super) fn new(html: String) -> Self {
        Self { html }
    }

    pub(super) fn html(&self) -> &str {
        &self.html
    }
}
