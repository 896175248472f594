package simulation

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// figure is an SVG under construction, in the manner of docs/call.svg: it has its own background, and colours for dark pages.
type figure struct {
	strings.Builder
}

const figureStyle = `
  <style>
    .page  { fill: #ffffff; }
    .grid  { stroke: #d1d9e0; stroke-width: 1; }
    .axis  { stroke: #57606a; stroke-width: 1; fill: none; }
    .text  { fill: #1f2328; font-size: 13px; }
    .head  { fill: #1f2328; font-size: 14px; font-weight: 600; }
    .note  { fill: #57606a; font-size: 12px; }
    .theirs { fill: #bc4c00; } .ours { fill: #0969da; } .two { fill: none; stroke: #0969da; stroke-width: 2; }
    .band  { fill: #57606a; fill-opacity: 0.12; }
    .theirline { stroke: #bc4c00; stroke-width: 1.8; fill: none; } .ourline { stroke: #0969da; stroke-width: 1.8; fill: none; }
    .A { fill: #bc4c00; } .B { fill: #0969da; } .C { fill: #54aeff; } .D { fill: #b6e3ff; }
    @media (prefers-color-scheme: dark) {
      .page  { fill: #0d1117; }
      .grid  { stroke: #30363d; }
      .axis  { stroke: #9198a1; }
      .text, .head { fill: #f0f6fc; }
      .note  { fill: #9198a1; }
      .theirs { fill: #f0883e; } .ours { fill: #58a6ff; } .two { stroke: #58a6ff; }
      .theirline { stroke: #f0883e; } .ourline { stroke: #58a6ff; }
      .band  { fill: #9198a1; fill-opacity: 0.18; }
      .A { fill: #f0883e; } .B { fill: #388bfd; } .C { fill: #1158c7; } .D { fill: #0c2d6b; }
    }
  </style>
`

func newFigure(width, height int, title, about string) *figure {
	f := &figure{}
	f.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">`, width, height)
	f.addf("\n  <title id=\"title\">%s</title>\n  <desc id=\"desc\">%s</desc>%s", html.EscapeString(title), html.EscapeString(about), figureStyle)
	f.addf("  <rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", width, height)
	f.text("head", 16, 24, "start", title)
	return f
}

func (f *figure) addf(format string, a ...any) { fmt.Fprintf(f, format, a...) }

// end returns the figure.
func (f *figure) end() string { return f.String() + "</svg>\n" }

func (f *figure) text(class string, x, y float64, anchor, s string) {
	f.addf("  <text class=%q x=\"%.1f\" y=\"%.1f\" text-anchor=%q>%s</text>\n", class, x, y, anchor, html.EscapeString(s))
}

func (f *figure) line(class string, x1, y1, x2, y2 float64) {
	f.addf("  <line class=%q x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2)
}

func (f *figure) rect(class string, x, y, width, height float64) {
	f.addf("  <rect class=%q x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y, width, height)
}

func (f *figure) dot(class string, x, y float64) {
	f.addf("  <circle class=%q cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill-opacity=\"0.75\"/>\n", class, x, y)
}

// legend explains the marks, on the right of the title.
func (f *figure) legend(right float64, two bool) {
	if two {
		f.dot("two", right-154, 20)
		f.text("note", right-144, 24, "start", "Outcrop, two-choices")
		right -= 160
	}
	f.dot("ours", right-70, 20)
	f.text("note", right-60, 24, "start", "Outcrop")
	f.dot("theirs", right-140, 20)
	f.text("note", right-130, 24, "start", "LiteLLM")
}

// axis is a horizontal or vertical scale.
type axis struct {
	label    string
	from, to float64
	ticks    []float64
	log      bool
	format   string
}

// place is where a value is, from 0 to 1. What is beyond the axis is at its end.
func (a *axis) place(v float64) float64 {
	v = min(max(v, a.from), a.to)
	if a.log {
		return math.Log(v/a.from) / math.Log(a.to/a.from)
	}
	return (v - a.from) / (a.to - a.from)
}

// row is a line of a dot plot.
type row struct {
	label        string
	theirs, ours []float64
	two          float64
}

// dots draws a row for each scenario and a dot for each strategy. Above those that are beyond the axis is the word for it.
func dots(title, about string, x axis, beyond string, rows []row) string {
	const left, right, top, step = 250.0, 850.0, 66.0, 34.0
	bottom := top + step*float64(len(rows))
	f := newFigure(900, int(bottom)+56, title, about)
	f.legend(900, true)
	at := func(v float64) float64 { return left + (right-left)*x.place(v) }
	for _, tick := range x.ticks {
		f.line("grid", at(tick), top-8, at(tick), bottom)
		f.text("note", at(tick), bottom+18, "middle", fmt.Sprintf(x.format, tick))
	}
	if beyond != "" {
		f.rect("band", right-12, top-8, 24, bottom-top+8)
		f.text("note", right, top-14, "middle", beyond)
	}
	f.line("axis", left, bottom, right, bottom)
	f.text("text", (left+right)/2, bottom+42, "middle", x.label)
	for i, r := range rows {
		y := top + step*(float64(i)+0.5)
		f.text("text", left-14, y+2, "end", r.label)
		f.line("grid", left, y-2, right, y-2)
		for _, v := range r.theirs {
			f.dot("theirs", at(v), y-8)
		}
		for _, v := range r.ours {
			f.dot("ours", at(v), y+4)
		}
		f.dot("two", at(r.two), y+4)
	}
	return f.end()
}

// panel is one of several plots over time.
type panel struct {
	title        string
	y            axis
	theirs, ours []float64 // one for each step
	trouble      [2]float64
}

// panels draws plots over time, two beside each other. step is in seconds.
func panels(title, about string, step float64, all []panel) string {
	const width, height, left, top = 450.0, 230.0, 62.0, 66.0
	rows := (len(all) + 1) / 2
	f := newFigure(900, int(top-26+height*float64(rows)), title, about)
	f.legend(900, false)
	for i := range all {
		p := &all[i]
		x0, y0 := left+width*float64(i%2), top+height*float64(i/2)
		w, h := width-left-24, height-86
		long := step * float64(len(p.ours))
		f.text("text", x0, y0-10, "start", p.title)
		f.rect("band", x0+w*p.trouble[0]/long, y0, w*(p.trouble[1]-p.trouble[0])/long, h)
		for _, tick := range p.y.ticks {
			y := y0 + h*(1-p.y.place(tick))
			f.line("grid", x0, y, x0+w, y)
			f.text("note", x0-6, y+4, "end", fmt.Sprintf(p.y.format, tick))
		}
		for s := 0.0; s <= long; s += 30 {
			f.line("axis", x0+w*s/long, y0+h, x0+w*s/long, y0+h+4)
			f.text("note", x0+w*s/long, y0+h+17, "middle", fmt.Sprintf("%.0f", s))
		}
		f.line("axis", x0, y0+h, x0+w, y0+h)
		f.text("note", x0+w/2, y0+h+33, "middle", "seconds since the beginning")
		f.addf("  <text class=\"note\" transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", x0-44, y0+h/2, html.EscapeString(p.y.label))
		for _, l := range []struct {
			class  string
			values []float64
		}{{"theirline", p.theirs}, {"ourline", p.ours}} {
			f.addf("  <polyline class=%q points=\"", l.class)
			for j, v := range l.values {
				f.addf("%.1f,%.1f ", x0+w*(float64(j)+0.5)*step/long, y0+h*(1-p.y.place(v)))
			}
			f.addf("\"/>\n")
		}
	}
	return f.end()
}

// bar is a stacked bar, with the shares of the deployments.
type bar struct {
	label  string
	shares []float64
}

// bars draws stacked bars in blocks with a heading.
func bars(title, about string, headings []string, blocks [][]bar, names []string) string {
	const left, width, top, step = 270.0, 560.0, 62.0, 19.0
	height := top
	for _, b := range blocks {
		height += step*float64(len(b)) + 40
	}
	f := newFigure(900, int(height)+26, title, about)
	for i, name := range names {
		f.rect(name, 740+38*float64(i), 13, 12, 12)
		f.text("note", 756+38*float64(i), 24, "start", name)
	}
	y := top
	for i, b := range blocks {
		f.text("head", 16, y, "start", headings[i])
		y += 10
		for _, one := range b {
			f.text("note", left-10, y+13, "end", one.label)
			x := left
			for j, s := range one.shares {
				f.rect(names[j], x, y+2, width*s, step-5)
				x += width * s
			}
			y += step
		}
		y += 30
	}
	for tick := 0.0; tick <= 1; tick += 0.25 {
		f.line("axis", left+width*tick, y-26, left+width*tick, y-22)
		f.text("note", left+width*tick, y-8, "middle", fmt.Sprintf("%.0f %%", 100*tick))
	}
	f.text("text", left+width/2, y+12, "middle", "share of all attempts, by deployment")
	return f.end()
}
