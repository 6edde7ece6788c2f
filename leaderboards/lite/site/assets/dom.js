// Elements made of data. Texts become text nodes and nothing else: names, reasons and logs come from strangers.
"use strict";
const AXES = ["dataset", "recommender", "attacker", "defense"];
const { site } = recbench;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function vector(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const labels = new Map(site.components.map((component) => [`${component.axis}/${component.label}`, component]));

function componentAddress(component) {
  return `plugin.html#${component.axis}/${encodeURIComponent(component.label)}`;
}

function componentLink(component) {
  return component.none
    ? element("span", { class: "quiet" }, "none")
    : element("a", { href: componentAddress(component) }, component.label);
}

function cellAddress(id) {
  return `cell.html#${encodeURIComponent(id)}`;
}

function figure(value, digits = 3, signed = false) {
  if (value === null || value === undefined) return "n/a";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 10 ** -digits || size >= 1e6) ? size.toExponential(2) : size.toFixed(digits);
  return (value < 0 ? "−" : signed ? "+" : "") + text;
}

function definitions(pairs) {
  return element("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== "").flatMap(([term, value]) =>
    [element("dt", {}, term), element("dd", {}, value)]));
}

function sized(share) {
  return `${Number((100 * share).toPrecision(3))}%`;
}

function fragment() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

// A page that is opened from a file can load scripts, and nothing else. They run in the order in which they are asked for.
function run(address) {
  return new Promise((resolve, reject) => {
    const script = element("script", { src: address });
    script.async = false;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${address} is not there`)));
    document.head.append(script);
  });
}

function load(name) {
  return recbench[name] ? Promise.resolve(recbench[name]) : run(`data/${encodeURIComponent(name)}.js`).then(() => recbench[name]);
}
