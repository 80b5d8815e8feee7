/**
 * What the page adds where scripts run: one tooltip for every number, and one class followed through
 * all trees. Without it titles say the same, and links lead to the provenance table.
 */
export const SCRIPT = `
const tip = document.createElement('div');
tip.id = 'tip';
tip.hidden = true;
tip.setAttribute('role', 'tooltip');
document.body.append(tip);
const show = (target) => {
  tip.textContent = target.dataset.tip;
  tip.hidden = false;
  const at = target.getBoundingClientRect();
  const left = Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 12);
  const above = at.top > tip.offsetHeight + 12;
  tip.style.left = Math.max(8, left) + scrollX + 'px';
  tip.style.top = (above ? at.top - tip.offsetHeight - 6 : at.bottom + 6) + scrollY + 'px';
  target.setAttribute('aria-describedby', 'tip');
};
const hide = (target) => {
  tip.hidden = true;
  target.removeAttribute('aria-describedby');
};
for (const number of document.querySelectorAll('.n[title]')) {
  number.dataset.tip = number.title;
  number.removeAttribute('title');
  for (const name of ['mouseenter', 'focus']) number.addEventListener(name, () => show(number));
  for (const name of ['mouseleave', 'blur']) number.addEventListener(name, () => hide(number));
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') tip.hidden = true; });
const trees = document.getElementById('trees');
for (const leaf of trees ? trees.querySelectorAll('[data-class]') : []) {
  const followed = trees.querySelectorAll('.k' + leaf.dataset.class);
  leaf.addEventListener('mouseenter', () => {
    trees.classList.add('picked');
    for (const part of followed) part.classList.add('on');
  });
  leaf.addEventListener('mouseleave', () => {
    trees.classList.remove('picked');
    for (const part of followed) part.classList.remove('on');
  });
}
`;
