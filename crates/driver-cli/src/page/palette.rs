/// A colour on light ground, and what stands for it on dark ground. Plots are drawn with the former; the style replaces
/// it where the reader's choice is dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shade {
    pub(super) light: (u8, u8, u8),
    pub(super) dark: (u8, u8, u8),
}

impl Shade {
    const fn new(light: u32, dark: u32) -> Self {
        Self {
            light: channels(light),
            dark: channels(dark),
        }
    }

    /// As the drawing's attributes write it.
    pub(super) fn light_hex(self) -> String {
        hex(self.light)
    }

    pub(super) fn dark_hex(self) -> String {
        hex(self.dark)
    }

    /// The colour of a series: the first eight differ.
    pub(super) fn of_series(index: usize) -> Self {
        SERIES[index % SERIES.len()]
    }
}

const fn channels(colour: u32) -> (u8, u8, u8) {
    let [_, red, green, blue] = colour.to_be_bytes();
    (red, green, blue)
}

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// What drawings that are files of their own are drawn on. A page has its own.
pub(super) const GROUND: Shade = Shade::new(0xff_ffff, 0x14_171a);
/// Text in plots.
pub(super) const INK: Shade = Shade::new(0x1b_1f24, 0xe6_e9ed);
/// Ticks' labels.
pub(super) const MUTED: Shade = Shade::new(0x56_5f6b, 0x9d_a7b3);
/// Lines to read values by.
pub(super) const GRID: Shade = Shade::new(0xdc_e0e5, 0x2f_363e);
/// Axes.
pub(super) const AXIS: Shade = Shade::new(0x98_a1ac, 0x5a_6470);

/// Of a contrast of three or more to their ground, and told apart by lightness and dashes too.
pub(super) const SERIES: [Shade; 8] = [
    Shade::new(0x0b_66b0, 0x5c_b2f6),
    Shade::new(0xc2_410c, 0xfb_9a4b),
    Shade::new(0x15_803d, 0x5a_d787),
    Shade::new(0x9b_1fb0, 0xe3_8af5),
    Shade::new(0x0e_7490, 0x3f_d0e6),
    Shade::new(0xbe_123c, 0xfb_7a90),
    Shade::new(0x85_5a06, 0xe9_c046),
    Shade::new(0x4b_5563, 0xb4_bcc8),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_colour_in_a_plot_says_what_it_is_for() {
        let all = [INK, MUTED, GRID, AXIS, GROUND].into_iter().chain(SERIES);
        let light: HashSet<_> = all.clone().map(|shade| shade.light).collect();
        assert_eq!(light.len(), all.count());
        assert_eq!(INK.light_hex(), "#1B1F24");
    }

    /// The contrast of WCAG 2.2.
    fn contrast(one: (u8, u8, u8), other: (u8, u8, u8)) -> f64 {
        let luminance = |(red, green, blue): (u8, u8, u8)| {
            let linear = |channel: u8| {
                let share = f64::from(channel) / 255.0;
                if share <= 0.040_45 {
                    share / 12.92
                } else {
                    ((share + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn what_is_drawn_can_be_seen() {
        let (light, dark) = (GROUND.light, GROUND.dark);
        for shade in SERIES {
            assert!(contrast(shade.light, light) >= 3.0, "{shade:?}");
            assert!(contrast(shade.dark, dark) >= 3.0, "{shade:?}");
        }
        for shade in [INK, MUTED] {
            assert!(contrast(shade.light, light) >= 4.5, "{shade:?}");
            assert!(contrast(shade.dark, dark) >= 4.5, "{shade:?}");
        }
    }
}
