// Package pages walks the pages under /ui with a real browser, Chromium.
package pages
