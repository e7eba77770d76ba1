//! What one template may cost.

/// Bounds on one rendering; each has its own error. The defaults are far above what configuration files need.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the template's text.
    pub template: usize,
    /// Bytes of the rendered text.
    pub output: usize,
    /// Steps of the engine; one also pays for 64 bytes made on the way.
    pub steps: u64,
    /// How deep macros, blocks and recursive loops may nest.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            template: 4 << 20,
            output: 64 << 20,
            steps: 5_000_000,
            depth: 200,
        }
    }
}
