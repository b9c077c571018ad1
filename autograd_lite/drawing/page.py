"""A picture as one self-contained HTML page in which the passes are stepped through.

Without JavaScript the picture stands there all the same. Nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from autograd_lite.drawing.picture import Picture

__all__ = ["page_text"]


def page_text(picture: Picture, svg: str, stops: Sequence[Mapping[str, Any]]) -> str:
    """HTML that shows the SVG and steps through the stops, with no other file and no network."""
    data = json.dumps(list(stops), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    controls = _CONTROLS if stops else ""
    script = f"<script>const stops={data};{_SCRIPT}</script>" if stops else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(picture.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(picture.title)}</h1>\n{controls}"
        f'<div id="stage">{svg}</div>\n{_PANEL if stops else ""}{script}</body></html>\n'
    )


_CONTROLS = """\
<div id="bar" hidden>
<button id="first" title="Home">start</button>
<button id="back" title="Left arrow">← back</button>
<button id="play" title="Space">play</button>
<button id="next" title="Right arrow">next →</button>
<button id="last" title="End">end</button>
<input id="slide" type="range" min="0" aria-label="step">
<output id="count"></output>
<span id="hint">← → step · Space plays · Home End jump · a click on a box goes there ·
wheel zooms · drag pans · 0 resets</span>
</div>
"""

_PANEL = """\
<section id="panel" aria-live="polite" hidden><h2 id="what"></h2><p id="formula"></p>
<div id="numbers"></div></section>
"""

_STYLE = """
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#4d5661;--line:#c4cad1;--on:#b34700}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--ink:#f0f2f5;--soft:#b6bfca;
--line:#444c56;--on:#ff9a56}}
body{margin:0;padding:12px 16px;background:var(--page);color:var(--ink);
font:15px/1.45 "DejaVu Sans",Verdana,Helvetica,Arial,sans-serif}
h1{font-size:17px;margin:0 0 8px}h2{font-size:15px;margin:0}
#bar{display:flex;flex-wrap:wrap;gap:6px;align-items:center;margin-bottom:8px}
#bar[hidden],#panel[hidden]{display:none}
button{font:inherit;padding:3px 10px;color:var(--ink);background:var(--page);
border:1px solid var(--soft);border-radius:6px;cursor:pointer}
button:focus-visible,input:focus-visible,#stage g:focus-visible{outline:3px solid #0072b2;
outline-offset:2px}
#hint,#count{color:var(--soft);font-size:13px}#slide{flex:1;min-width:120px}
#stage{border:1px solid var(--line);border-radius:8px;overflow:hidden;touch-action:none}
#stage svg{display:block;width:100%;height:auto;margin:auto;cursor:grab}
#stage g.ahead{opacity:.18}
#stage g.on>.agl-shape{stroke-width:4px;stroke:var(--on);stroke-dasharray:none}
#stage g{transition:opacity .25s}
#panel{margin-top:10px;min-height:11em}
#formula{font-size:19px;margin:4px 0 10px}
.line{display:flex;flex-wrap:wrap;row-gap:6px;align-items:center;margin:0 0 12px;font-size:17px}
.line span{white-space:pre}.line figure{margin:0 5px}.line .result{display:flex;align-items:center}
.line .number{font-variant-numeric:tabular-nums}
.gives.number{color:var(--on);font-weight:bold}
figcaption{font-size:14px;margin-bottom:3px}
figcaption small{color:var(--soft)}figure.gives figcaption b{color:var(--on)}
table{border-collapse:collapse;border:solid var(--soft);border-width:0 2px;border-radius:5px}
td{padding:1px 5px;text-align:right;font-variant-numeric:tabular-nums;font-size:13px}
@media (prefers-reduced-motion:reduce){#stage g{transition:none}}
"""

_SCRIPT = r"""
(function(){
const $=id=>document.getElementById(id),svg=document.querySelector('#stage svg');
const box={},made={};let at=0,timer=null;
svg.setAttribute('role','group');
svg.querySelectorAll('[data-id]').forEach(g=>{box[g.dataset.id]=g;
  g.setAttribute('tabindex','0');g.setAttribute('role','img');
  g.setAttribute('aria-label',g.querySelector('title').textContent)});

stops.forEach((s,i)=>s.boxes.forEach(id=>{
  if(id[0]==='g'&&s.phase==='reverse'&&!(id in made))made[id]=i+1}));
stops.forEach((s,i)=>{if(s.phase==='forward')s.boxes.slice(1).forEach(id=>{
  if(!(id in made))made[id]=i+1})});
function number(a,kind){
  const s=document.createElement('span'),n=a.rows[0][0];s.className='number '+kind;
  s.textContent=kind!=='gives'&&n[0]==='−'?'('+n+')':n;s.title=a.name+(a.note?' · '+a.note:'');
  s.dataset.name=a.name;return s}
function text(t){const s=document.createElement('span');s.textContent=t;return s}
function piece(a,kind){
  return a.rows.length===1&&a.rows[0].length===1&&!a.shape?number(a,kind):figure(a,kind)}
function line(l,arrays){
  const d=document.createElement('div');d.className='line';if(l.head)d.append(text(l.head));
  for(const part of l.body.split(/([\uE000-\uF8FF])/)){
    const i=part.charCodeAt(0)-0xE000;
    if(part.length===1&&i>=0&&i<arrays.length)d.append(piece(arrays[i],'reads'));
    else if(part)d.append(text(part))}
  if(l.gives!==null){
    const r=text(' = ');r.className='result';
    r.append(piece(arrays[l.gives],'gives'));d.append(r)}
  return d}
function figure(a,kind){
  const f=document.createElement('figure'),c=document.createElement('figcaption');f.className=kind;
  f.dataset.name=a.name;
  const b=document.createElement('b');b.textContent=a.name;c.append(b);
  const s=document.createElement('small');
  s.textContent=' '+a.shape+(a.note?' · '+a.note:'');c.append(s);f.append(c);
  const t=document.createElement('table');
  a.rows.forEach(r=>{const tr=t.insertRow();r.forEach(x=>tr.insertCell().textContent=x)});
  f.append(t);return f}
function show(n){
  at=Math.max(0,Math.min(stops.length,n));const s=stops[at-1];
  for(const id in box){const g=box[id];g.classList.remove('on');
    const birth=made[id[0]==='s'?'g'+id.slice(1):id];
    g.classList.toggle('ahead',at>0&&birth>at)}
  svg.querySelectorAll('[data-to]').forEach(g=>{const to=box[g.dataset.to];
    g.classList.toggle('ahead',!!to&&to.classList.contains('ahead'))});
  $('numbers').replaceChildren();
  if(!s){$('what').textContent='Overview';
    $('formula').textContent=stops.length+' steps: the forward pass, then the reverse sweep'}
  else{s.boxes.forEach(id=>box[id]&&box[id].classList.add('on'));follow();
    $('what').textContent=(s.phase==='forward'?'Forward: ':'Reverse sweep: ')+s.title;
    $('formula').textContent=s.formula;
    s.lines.forEach(l=>$('numbers').append(line(l,s.arrays)))}
  $('count').textContent=at+' / '+stops.length;$('slide').value=at}
function play(){if(timer){clearInterval(timer);timer=null}
  else{if(at===stops.length)show(0);timer=setInterval(()=>{
    if(at===stops.length)play();else show(at+1)},1200)}
  $('play').textContent=timer?'pause':'play'}
$('bar').hidden=$('panel').hidden=false;$('slide').max=stops.length;
$('first').onclick=()=>show(0);$('back').onclick=()=>show(at-1);$('next').onclick=()=>show(at+1);
$('last').onclick=()=>show(stops.length);$('play').onclick=play;
$('slide').oninput=e=>show(+e.target.value);
const full=svg.viewBox.baseVal,home=[full.x,full.y,full.width,full.height];let view=home.slice();
function fit(){
  svg.style.maxWidth=1.3*home[2]+'px';const w=svg.clientWidth,most=.6*innerHeight;
  svg.style.height=Math.min(most,Math.max(home[3]*w/home[2],Math.min(home[3],.75*most)))+'px'}
function follow(){
  const w=svg.clientWidth,h=svg.clientHeight;if(w>.8*home[2])return;
  const lit=[...svg.querySelectorAll('g.on')].map(g=>g.getBoundingClientRect());
  if(!lit.length)return;
  const m=svg.getScreenCTM().inverse(),middle=(low,high)=>
    (Math.min(...lit.map(low))+Math.max(...lit.map(high)))/2;
  const x=middle(r=>r.left,r=>r.right)*m.a+m.e,y=middle(r=>r.top,r=>r.bottom)*m.d+m.f;
  view=[x-w/2,h<home[3]?y-h/2:(home[3]-h)/2,w,h];look()}
addEventListener('resize',fit);
function look(){svg.setAttribute('viewBox',view.join(' '))}
function zoom(k,px,py){const w=Math.max(home[2]/20,Math.min(home[2]*2,view[2]*k)),r=w/view[2];
  view=[px-(px-view[0])*r,py-(py-view[1])*r,w,view[3]*r];look()}
function point(e){const m=svg.getScreenCTM().inverse();
  return [e.clientX*m.a+m.e,e.clientY*m.d+m.f]}
svg.addEventListener('wheel',e=>{e.preventDefault();zoom(e.deltaY>0?1.15:1/1.15,...point(e))},
  {passive:false});
function jump(target){
  const g=target.closest('[data-id]'),n=g?stops.findIndex(s=>s.boxes.includes(g.dataset.id)):-1;
  if(n>=0)show(n+1)}
let held=null,down=null;
svg.addEventListener('pointerdown',e=>{
  held=point(e);down=e;svg.setPointerCapture(e.pointerId)});
svg.addEventListener('pointermove',e=>{if(!held)return;const p=point(e);
  view[0]+=held[0]-p[0];view[1]+=held[1]-p[1];look()});
svg.addEventListener('pointerup',e=>{
  if(down&&Math.hypot(e.clientX-down.clientX,e.clientY-down.clientY)<4)jump(down.target);
  held=down=null});
svg.addEventListener('pointercancel',()=>held=down=null);
document.addEventListener('keydown',e=>{
  if(e.ctrlKey||e.metaKey||e.altKey||(e.key===' '&&e.target.closest?.('button')))return;
  if(e.key==='Enter'&&e.target.closest?.('[data-id]'))jump(e.target);
  const keys={ArrowRight:()=>show(at+1),ArrowLeft:()=>show(at-1),Home:()=>show(0),
    End:()=>show(stops.length),' ':play,'0':()=>{view=home.slice();look()},
    '+':()=>zoom(1/1.25,view[0]+view[2]/2,view[1]+view[3]/2),
    '-':()=>zoom(1.25,view[0]+view[2]/2,view[1]+view[3]/2)};
  if(keys[e.key]){e.preventDefault();keys[e.key]()}});
fit();show(0)})();
"""
