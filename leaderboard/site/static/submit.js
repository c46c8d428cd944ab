// Says that a submission is on its way and keeps it from being sent twice. The form works without this file.

const form = document.querySelector("form.submit");
form.addEventListener("submit", () => {
  form.querySelector("[data-busy]").hidden = false;
  form.querySelector("button").disabled = true;
});
addEventListener("pageshow", () => {
  form.querySelector("[data-busy]").hidden = true;
  form.querySelector("button").disabled = false;
});
