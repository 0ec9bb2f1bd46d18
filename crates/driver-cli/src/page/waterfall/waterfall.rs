use std::fmt::Write;

use super::lane::Lane;
use super::phase::Phase;
use super::scale::Scale;
use crate::page::escape::Escaped;
use crate::page::figure::Figure;

/// Rows of bars over one axis of time.
#[derive(Clone, Debug)]
pub struct Waterfall {
    title: String,
    lanes: Vec<Lane>,
}

impl Waterfall {
    /// A waterfall without rows.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lanes: Vec::new(),
        }
    }

    /// Appends a row.
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lanes.push(lane);
        self
    }

    /// Draws it, from 0 to the last instant of any row.
    pub fn draw(&self) -> Figure {
        let end = self.lanes.iter().map(Lane::end).fold(0.0, f64::max);
        let scale = Scale::until(if end > 0.0 { end } else { 1.0 });
        let mut html = format!(
            "<figure class=\"waterfall\">\n<figcaption>{}</figcaption>\n",
            Escaped(&self.title)
        );
        self.write_legend(&mut html);
        scale.write_axis(&mut html);
        for lane in &self.lanes {
            scale.write_lane(&mut html, lane);
        }
        html.push_str("</figure>\n");
        Figure::new(html)
    }

    /// Of the phases that occur.
    fn write_legend(&self, html: &mut String) {
        let stretches = || self.lanes.iter().flat_map(|lane| &lane.stretches);
        html.push_str("<ul class=\"legend\">\n");
        for phase in Phase::ALL {
            if stretches().any(|stretch| stretch.phase == phase) {
                let (height, class) = (phase.height(), phase.class());
                let _infallible = writeln!(
                    html,
                    "<li><svg class=\"mark\" viewBox=\"0 0 28 18\" aria-hidden=\"true\">\
                    <rect class=\"{class}\" x=\"0\" y=\"{}\" width=\"28\" height=\"{height}\" /></svg>{}</li>",
                    (18 - height) / 2,
                    phase.name()
                );
            }
        }
        if self.lanes.iter().any(|lane| !lane.failures.is_empty()) {
            html.push_str(
                "<li><svg class=\"mark\" viewBox=\"0 0 28 18\" aria-hidden=\"true\">\
                <path class=\"failure\" d=\"M 9 4 l 10 10 m 0 -10 l -10 10\" /></svg>failed</li>\n",
            );
        }
        html.push_str("</ul>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Page, Section, Tone, well_formed::assert_well_formed};
    use super::*;

    fn html(waterfall: &Waterfall) -> String {
        let section = Section::new("w").figure(&waterfall.draw());
        Page::new("w").section(section).to_html()
    }

    #[test]
    fn shows_each_lane_over_one_time() {
        let fast =
            Lane::new("fast")
                .note("ok", Tone::Good)
                .phase(Phase::Transmission, 0.0, 100.0, "sent");
        let slow = Lane::new("slow")
            .phase(Phase::Transmission, 0.0, 250.0, "sent")
            .phase(Phase::Stall, 250.0, 1000.0, "nothing was taken")
            .failed_at(1000.0, "too late");
        let html = html(&Waterfall::new("w").lane(fast).lane(slow));
        assert_well_formed(&html);
        assert!(
            html.contains("x=\"0.000%\" y=\"2\" width=\"10.000%\""),
            "{html}"
        );
        assert!(html.contains("x=\"25.000%\" y=\"7\" width=\"75.000%\""));
        assert!(html.contains("nothing was taken: 750 ms, from 250 to 1,000 ms"));
        assert!(html.contains("stalled</li>") && html.contains("failed</li>"));
        assert!(!html.contains("answer or commit</li>"));
        assert!(html.contains(">0 ms<") && html.contains(">1,000 ms<"));
    }

    #[test]
    fn nothing_at_all_is_shown_as_nothing() {
        for lane in [
            Lane::new("a"),
            Lane::new("a").curve([]).curve([(0.0, 0.0)]),
            Lane::new("a")
                .phase(Phase::Answer, 5.0, 4.0, "")
                .phase(Phase::Answer, f64::NAN, f64::INFINITY, "")
                .curve([(f64::NAN, 1.0), (1.0, f64::INFINITY)])
                .failed_at(f64::INFINITY, ""),
        ] {
            let html = html(&Waterfall::new("w").lane(lane));
            assert_well_formed(&html);
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            assert!(!html.contains("<rect"), "{html}");
        }
    }
}
