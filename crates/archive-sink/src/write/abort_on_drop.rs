use super::{background::Background, upload::Upload};

/// Holds an upload that is not committed, and cleans it up when dropped.
///
/// With a runtime, a task waits for the requests in flight and aborts the upload. Without one,
/// dropping is all that can be done: a local store removes its staging file then, a remote one keeps
/// the parts until its lifecycle rule removes them.
#[derive(Debug)]
pub(crate) struct AbortOnDrop {
    upload: Option<Upload>,
    background: Background,
}

impl AbortOnDrop {
    pub(crate) fn new(upload: Upload, background: Background) -> Self {
        let upload = Some(upload);
        Self { upload, background }
    }

    pub(crate) fn get_mut(&mut self) -> &mut Upload {
        // Only `disarm` and `clean_up`, which consume the guard, and `drop` take it out.
        self.upload.as_mut().expect("an armed guard has its upload")
    }

    pub(crate) fn get_ref(&self) -> &Upload {
        self.upload.as_ref().expect("an armed guard has its upload")
    }

    /// Gives up guarding: the upload is about to be completed.
    pub(crate) fn disarm(mut self) -> Upload {
        self.upload.take().expect("an armed guard has its upload")
    }

    /// Cleans up now. The clean-up goes on when this future is dropped, if there is a runtime.
    pub(crate) async fn clean_up(mut self) -> Result<(), object_store::Error> {
        match self.upload.take() {
            Some(upload) if upload.has_started() => self
                .background
                .start_detached(upload.clean_up())
                .await
                .unwrap_or_else(|panicked| Err(panicked.into())),
            _ => Ok(()),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let Some(upload) = self.upload.take() else {
            return;
        };
        if !upload.has_started() {
            return;
        }
        let location = upload.location().clone();
        if !self.background.has_runtime() {
            tracing::warn!(
                %location,
                "an upload was dropped without a runtime to abort it: its parts stay until the \
                 store's lifecycle rule removes them"
            );
            return;
        }
        drop(self.background.start_detached(async move {
            if let Err(error) = upload.clean_up().await {
                tracing::warn!(%location, %error, "an upload that was dropped could not be aborted");
            }
        }));
    }
}
