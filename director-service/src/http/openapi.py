"""Writes openapi.json from the types in parts.rs, proof.rs, history.rs and status.rs and what is written about them.

    python3 src/http/openapi.py        (in director-service; a test holds the document to the answers)
"""
import re,json
src='src/http/'
structs={}
for f in ['parts.rs','proof.rs','history.rs','status.rs']:
    text=open(src+f).read().split('#[cfg(test)]')[0]
    for m in re.finditer(r'((?:^///[^\n]*\n)+)((?:#\[[^\n]*\n)*)pub struct (\w+)\s*\{\n(.*?)^\}',text,re.M|re.S):
        if 'Serialize' not in m[2]: continue
        doc=' '.join(l[3:].strip() for l in m[1].strip().split('\n'))
        fields=[]
        for fm in re.finditer(r'((?:    ///[^\n]*\n)+)((?:    #\[[^\n]*\n)*)    pub (\w+): ([^\n]*),\n',m[4]):
            d=' '.join(l.strip()[3:].strip() for l in fm[1].strip().split('\n'))
            fields.append((fm[3],fm[4],d,'flatten' in fm[2]))
        structs[m[3]]=(doc,fields)
enums={('Validator','status'):["candidate","authorized","revoked","exiting","tombstoned"],
 ('Validator','connection'):["primary","standby","guest",None],
 ('Case','validator_status'):["candidate","authorized","revoked","exiting","tombstoned",None],
 ('Step','state'):["done","now","ahead"],('Step','name'):["proven","submitted","finalized","slash","cancelled"],
 ('Alarms','level'):["ok","warning","critical"],('Alarm','level'):["warning","critical"],
 ('Series','window'):["5m","1h","24h"]}
clean=lambda d: re.sub(r'\[`(?:\w+::)*(\w+)`\]',r'\1',d).replace('`None`','null')
def ty(t):
    t=t.strip()
    if t.startswith('Option<'):
        inner=ty(t[7:-1])
        if '$ref' in inner: return {'anyOf':[inner,{'type':'null'}]}
        inner=dict(inner); inner['type']=[inner['type'],'null']; return inner
    if t.startswith('Vec<'): return {'type':'array','items':ty(t[4:-1])}
    m=re.match(r'\[(\w+); (\d+)\]',t)
    if m: return {'type':'array','items':ty(m[1]),'minItems':int(m[2]),'maxItems':int(m[2])}
    if t.startswith('BTreeMap<'): return {'type':'object','additionalProperties':ty(t[9:-1].split(', ')[1])}
    if t in('String',"&'static str"): return {'type':'string'}
    if t=='bool': return {'type':'boolean'}
    if t in('u64','u32','u16'): return {'type':'integer','minimum':0}
    if t=='i64': return {'type':'integer'}
    if t=='f64': return {'type':'number'}
    return {'$ref':'#/components/schemas/'+t}
schemas={}
def props(name):
    p={}
    for f,t,d,flat in structs[name][1]:
        if flat: p.update(props(t)); continue
        s=ty(t); s['description']=clean(d)
        if (name,f) in enums: s['enum']=enums[(name,f)]
        p[f]=s
    return p
need=['Status','Chain','Mesh','Validators','Checkpoints','Authorizations','Cases','Proof','Alarms','Series']
todo=list(need)
while todo:
    n=todo.pop(0)
    if n in schemas: continue
    p=props(n)
    schemas[n]={'type':'object','description':clean(structs[n][0]),'properties':p,'required':list(p)}
    for m in re.findall(r'schemas/(\w+)',json.dumps(p)): todo.append(m)
schemas['Readiness']={'type':'object','description':'Whether validators can be served.','properties':{'ready':{'type':'boolean'},'reasons':{'type':'array','items':{'type':'string'},'description':'Why not.'}},'required':['ready','reasons']}
schemas['Refusal']={'type':'object','description':'What was wrong with the question.','properties':{'error':{'type':'string'}},'required':['error']}
def ok(schema,d): return {'description':d,'content':{'application/json':{'schema':{'$ref':'#/components/schemas/'+schema}}}}
bad=ok('Refusal','A parameter is not what it may be.')
def get(i,s,schema,params=None,extra=None):
    g={'operationId':i,'summary':s,'responses':{'200':ok(schema,s)}}
    if params: g['parameters']=params; g['responses']['400']=bad
    if extra: g['responses'].update(extra)
    g['responses']={code:of for code,of in g['responses'].items() if of}
    return {'get':g}
text=lambda d:{'description':d,'content':{'text/plain':{'schema':{'type':'string'}}}}
paths={
'/healthz':{'get':{'operationId':'healthz','summary':'Whether the director works.','responses':{'200':text('It works.'),'503':text('It hangs, and why.')}}},
'/readyz':get('readyz','Whether it can serve validators, and why not.','Readiness',extra={'503':ok('Readiness','It cannot, and why.')}),
'/metrics':{'get':{'operationId':'metrics','summary':'All metrics, for Prometheus.','responses':{'200':{'description':'OpenMetrics text.','content':{'application/openmetrics-text':{'schema':{'type':'string'}}}}}}},
'/api/v1/status':get('status','Everything that the director says of itself.','Status'),
'/api/v1/chain':get('chain','The chain, as the director knows it.','Chain'),
'/api/v1/mesh':get('mesh','The directors, and how this one hears them.','Mesh'),
'/api/v1/validators':get('validators','Registered validators, by pages.','Validators',[
 {'name':'after','in':'query','description':'The account after which the page begins: `next` of the page before.','schema':{'type':'string'}},
 {'name':'limit','in':'query','description':'Validators in the page.','schema':{'type':'integer','minimum':1,'maximum':1000,'default':100}}]),
'/api/v1/checkpoints':get('checkpoints','The newest checkpoints, with votes and certificates.','Checkpoints'),
'/api/v1/authorizations':get('authorizations','Candidates that wait, with who approved them.','Authorizations'),
'/api/v1/evidence':get('evidence','Double signs, from the proof to the slash.','Cases'),
'/api/v1/evidence/{id}':get('proof','A proof, to be reported by hand: `director evidence submit` takes it.','Proof',[
 {'name':'id','in':'path','required':True,'description':'`id` of a double sign.','schema':{'type':'string'}}],extra={'400':None,'404':ok('Refusal','No such double sign is known.')}),
'/api/v1/alarms':get('alarms','What somebody should look at, and what to do about it.','Alarms'),
'/api/v1/history':get('history','How much went through, and how fast.','Series',[{'name':'window','in':'query','description':'How far back: 5 minutes by seconds, 1 hour by 10 seconds, 24 hours by 2 minutes.','schema':{'type':'string','enum':['5m','1h','24h'],'default':'5m'}}]),
'/api/v1/events':{'get':{'operationId':'events','summary':'Tells what changes.','description':'Upon the subscription every part once, then each second `sample` (a point of the history) and each part that is not as it was. The name of an event is that of the part, its data the JSON that `/api/v1/NAME` answers; of `validators` it is `total` and `connected` alone. Whoever reads too slowly gets `lagged`, with the number of events that were thrown away, and every part anew. 16 may listen at once, for 10 minutes each; then ask again.','responses':{'200':{'description':'Server-sent events.','content':{'text/event-stream':{'schema':{'type':'string'}}}},'503':ok('Refusal','As many listen as may; `Retry-After` says when to ask again.')}}},
'/api/v1/openapi.json':{'get':{'operationId':'openapi','summary':'This document.','responses':{'200':{'description':'OpenAPI 3.1.','content':{'application/json':{'schema':{'type':'object'}}}}}}},
}
doc={'openapi':'3.1.0','info':{'title':'Director','version':'1','description':'What a director says of itself. It only reads; there is no password, hence it listens on loopback unless it is told otherwise. Answers are at most a second old. Keys and hashes are hexadecimal, hashes with 0x before them; accounts are SS58; amounts are decimal text in the smallest unit of the chain. Fields are added, never renamed. Whoever asks by a name with a dot that is not in `http.hosts` gets 421.','license':{'name':'Apache-2.0','identifier':'Apache-2.0'}},'paths':paths,'components':{'schemas':schemas}}
json.dump(doc,open(src+'openapi.json','w'),indent=1,ensure_ascii=False); open(src+'openapi.json','a').write('\n')
