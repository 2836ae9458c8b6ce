//! The picture as a diagram: signals, what they lead to, who decides, who carries it out, from left to right.

use super::Picture;

/// Columns of names, and edges between neighbours: of which column, from, to.
struct Graph<'a> {
    columns: [Vec<&'a str>; 4],
    edges: Vec<(usize, usize, usize)>,
}

const HEADS: [&str; 4] = ["signal", "intervention", "decides", "carries out"];

impl<'a> Graph<'a> {
    fn of(picture: &'a Picture) -> Self {
        let mut graph = Self { columns: Default::default(), edges: Vec::new() };
        for row in &picture.rows {
            let names = [&row.signal, &row.intervention, &row.owner, &row.authority];
            let at: Vec<usize> = names.iter().enumerate().map(|(column, name)| graph.place(column, name)).collect();
            for column in 0..3 {
                let edge = (column, at[column], at[column + 1]);
                if !graph.edges.contains(&edge) {
                    graph.edges.push(edge);
                }
            }
        }
        graph
    }

    fn place(&mut self, column: usize, name: &'a str) -> usize {
        let names = &mut self.columns[column];
        names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        })
    }
}

/// Returns the layout as a Mermaid flowchart, which many documents draw.
pub fn mermaid(picture: &Picture) -> String {
    let graph = Graph::of(picture);
    let mut text = "flowchart LR\n".to_owned();
    for (column, names) in graph.columns.iter().enumerate() {
        text.push_str(&format!("  subgraph c{column}[\"{}\"]\n", HEADS[column]));
        for (row, name) in names.iter().enumerate() {
            text.push_str(&format!("    n{column}_{row}[\"{}\"]\n", name.replace('"', "#quot;")));
        }
        text.push_str("  end\n");
    }
    for (column, from, to) in graph.edges {
        text.push_str(&format!("  n{column}_{from} --> n{}_{to}\n", column + 1));
    }
    text
}

/// Sizes in pixels.
const BOX_WIDTH: usize = 190;
const BOX_HEIGHT: usize = 30;
const GAP_X: usize = 90;
const GAP_Y: usize = 14;
const MARGIN: usize = 20;
const TOP: usize = 64;
/// Longer names are cut: so many characters fit into a box.
const FITS: usize = 25;

/// Returns the layout as an SVG image.
pub fn svg(picture: &Picture) -> String {
    let graph = Graph::of(picture);
    let tallest = graph.columns.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (2 * MARGIN + 4 * BOX_WIDTH + 3 * GAP_X, TOP + tallest * (BOX_HEIGHT + GAP_Y) + MARGIN);
    let left = |column: usize| MARGIN + column * (BOX_WIDTH + GAP_X);
    // Shorter columns stand in the middle of the tallest.
    let top = |column: usize, row: usize| {
        let slack = (tallest - graph.columns[column].len()) * (BOX_HEIGHT + GAP_Y) / 2;
        TOP + slack + row * (BOX_HEIGHT + GAP_Y)
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&picture.protocol)
    );
    text.push_str(&format!(
        "<text x=\"{MARGIN}\" y=\"24\" font-size=\"15\" fill=\"#111111\">{}</text>\n",
        escaped(&picture.protocol)
    ));
    for (column, from, to) in &graph.edges {
        let (x1, y1) = (left(*column) + BOX_WIDTH, top(*column, *from) + BOX_HEIGHT / 2);
        let (x2, y2) = (left(column + 1), top(column + 1, *to) + BOX_HEIGHT / 2);
        let middle = (x1 + x2) / 2;
        text.push_str(&format!(
            "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8a8f98\"/>\n"
        ));
    }
    let fills = ["#fde8e8", "#fff4d6", "#e3f1e5", "#e4ecfb"];
    for (column, names) in graph.columns.iter().enumerate() {
        let x = left(column);
        text.push_str(&format!("<text x=\"{x}\" y=\"{}\" fill=\"#555555\">{}</text>\n", TOP - 12, HEADS[column]));
        for (row, name) in names.iter().enumerate() {
            let y = top(column, row);
            text.push_str(&format!(
                "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"5\" \
                 fill=\"{}\" stroke=\"#c3c7ce\"/><text x=\"{}\" y=\"{}\" fill=\"#111111\">{}</text></g>\n",
                escaped(name),
                fills[column],
                x + 10,
                y + 19,
                escaped(&cut(name))
            ));
        }
    }
    text.push_str("</svg>\n");
    text
}

fn cut(name: &str) -> String {
    match name.chars().count() > FITS {
        true => name.chars().take(FITS - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace(char::is_control, " ")
}
