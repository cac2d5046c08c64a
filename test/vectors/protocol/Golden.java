import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.Uuid;
import com.fasterxml.jackson.databind.*;
import com.fasterxml.jackson.databind.node.*;
import java.lang.reflect.*;
import java.lang.reflect.Field;
import java.nio.*;
import java.nio.file.*;
import java.util.*;

/**
 * Writes messages/*.json: per version and message three instances (defaults, every field set, every nullable
 * null), serialised by Apache Kafka's own classes. Run with its jars (test/clients/README.md says how to
 * fetch them) and the keys of the APIs:
 *   java -cp '/path/to/jars/*' test/vectors/protocol/Golden.java test/vectors/protocol/messages 8 9 11
 */
public class Golden {
  static final String[] WORDS={"orders","größe","日本語","🦊 fox","a.b_c-d","compression.type","Ω","payments-eu","","x"};
  static Random r;
  static String word(){ if(r.nextInt(25)==0) return "x".repeat(126+r.nextInt(100)); String w=WORDS[r.nextInt(8)]; return r.nextBoolean()? w : w+r.nextInt(1000); }
  static String camel(String s){ StringBuilder b=new StringBuilder(); boolean up=false; for(char c: s.toCharArray()){ if(c=='_'){up=true;} else { b.append(up?Character.toUpperCase(c):c); up=false; } } return b.toString(); }
  static Class<?> elem(Field f){
    Class<?> t=f.getType();
    if(List.class.isAssignableFrom(t)||Collection.class.isAssignableFrom(t)){
      java.lang.reflect.Type g=f.getGenericType();
      if(g instanceof ParameterizedType) { java.lang.reflect.Type a=((ParameterizedType)g).getActualTypeArguments()[0]; return a instanceof Class? (Class<?>)a : null; }
      g=t.getGenericSuperclass(); java.lang.reflect.Type a=((ParameterizedType)g).getActualTypeArguments()[0]; return (Class<?>)a;
    }
    return t;
  }
  static Object scalar(Class<?> t, org.apache.kafka.common.protocol.types.Type w, Object def){
    for(;;){ Object v=raw(t,w); if(v instanceof byte[] || !v.equals(def)) return v; }
  }
  static Object raw(Class<?> t, org.apache.kafka.common.protocol.types.Type w){
    if(t==boolean.class||t==Boolean.class) return r.nextBoolean();
    if(t==byte.class||t==Byte.class) return (byte)(1+r.nextInt(255));
    if(t==short.class||t==Short.class) return (short)(r.nextInt(65536)-32768|1);
    if(w.toString().equals("UINT16")) return 1+r.nextInt(32767);
    if(t==int.class||t==Integer.class) return r.nextInt()|1;
    if(t==long.class||t==Long.class) { switch(r.nextInt(3)){ case 0: return (long)(1+r.nextInt(100000)); case 1: return (1L<<40)+r.nextInt(); default: return -(long)(2+r.nextInt(100000)); } }
    if(t==String.class) return word();
    if(t==Uuid.class) return new Uuid(r.nextLong(), r.nextLong());
    if(t==double.class) return (1+r.nextInt(1<<30))/1024d;
    if(t==byte[].class){ byte[] b=new byte[1+r.nextInt(r.nextInt(4)==0?200:12)]; r.nextBytes(b); return b; }
    throw new RuntimeException(t.toString());
  }
  static void fill(Object data, Schema s, boolean nulls) throws Exception {
    for (BoundField bf : s.fields()) {
      if (bf.def.type instanceof TaggedFields) { for (org.apache.kafka.common.protocol.types.Field tf : ((TaggedFields) bf.def.type).fields().values()) fillOne(data,tf,nulls); }
      else fillOne(data,bf.def,nulls);
    }
  }
  static void fillOne(Object data, org.apache.kafka.common.protocol.types.Field def, boolean nulls) throws Exception {
    {
      Field f=data.getClass().getDeclaredField(camel(def.name)); f.setAccessible(true);
      org.apache.kafka.common.protocol.types.Type t=def.type;
      wide=def.name.contains("producer_id")||def.name.equals("replica_epoch")||(def.name.equals("high_watermark")&&data.getClass().getName().contains("FetchRequest"));
      boolean struct=t instanceof Schema;
      boolean nullable=t.isNullable() || (struct && f.get(data)==null);
      if(nulls && nullable){ f.set(data,null); return; }
      if(t.isArray()){
        t=t.arrayElementType().get(); Class<?> el=elem(f);
        Collection<Object> c;
        if(f.getType()==List.class) c=new ArrayList<>(); else { Constructor<?> k=f.getType().getDeclaredConstructor(); c=(Collection<Object>)k.newInstance(); }
        int n=nullable?2:1+r.nextInt(2);
        for(int i=0;i<n;i++) c.add(value(el,t,nulls||(nullable&&i>0),null));
        f.set(data,c);
      } else f.set(data, value(f.getType(),t,nulls,f.get(data)));
    }
  }
  static Object value(Class<?> k, org.apache.kafka.common.protocol.types.Type t, boolean nulls, Object def) throws Exception {
    if(t instanceof Schema){ Constructor<?> c=k.getDeclaredConstructor(); c.setAccessible(true); Object o=c.newInstance(); fill(o,(Schema)t,nulls); return o; }
    if(t.toString().endsWith("RECORDS")){ byte[] b=(byte[])raw(byte[].class,t); records.add(b); return org.apache.kafka.common.record.MemoryRecords.readableRecords(ByteBuffer.wrap(b)); }
    // With nullables null the others are random, so that a producer id has all of its bits somewhere.
    if(nulls && (k==long.class||k==Long.class)) return wide ? (r.nextInt(4)>0 ? r.nextLong() : Long.MIN_VALUE) : r.nextLong()>>11;
    return scalar(k,t,def);
  }
  static boolean wide=false;
  static final ArrayDeque<byte[]> records=new ArrayDeque<>();
  static JsonNode text(JsonNode n){
    if(n instanceof ObjectNode){ ObjectNode o=(ObjectNode)n; List<String> names=new ArrayList<>(); o.fieldNames().forEachRemaining(names::add); for(String k: names) o.set(k, k.equals("records")&&!o.get(k).isNull()&&o.get(k).isBinary() ? new BinaryNode(records.remove()) : text(o.get(k))); }
    else if(n instanceof ArrayNode){ ArrayNode a=(ArrayNode)n; for(int i=0;i<a.size();i++) a.set(i,text(a.get(i))); }
    else if(n.isLong() && Math.abs((double)n.asLong())>9007199254740992d) return new TextNode(Long.toString(n.asLong()));
    return n;
  }
  static byte[] bytes(Message m, short v){ ObjectSerializationCache c=new ObjectSerializationCache(); int n=m.size(c,v); ByteBuffer b=ByteBuffer.allocate(n); m.write(new ByteBufferAccessor(b),c,v); return b.array(); }
  static String hex(byte[]... parts){ int n=0; for(byte[] p:parts)n+=p.length; StringBuilder s=new StringBuilder(String.format("%08x",n)); for(byte[] p:parts)for(byte b:p)s.append(String.format("%02x",b)); return s.toString(); }
  public static void main(String[] a) throws Exception {
    ObjectMapper om=new ObjectMapper();
    for(int x=1;x<a.length;x++){
      ApiKeys key=ApiKeys.forId(Integer.parseInt(a[x])); ApiMessageType m=key.messageType;
      r=new Random(1000+key.id);
      StringJoiner rows=new StringJoiner(",\n");
      for(int q=0;q<2;q++) for(short v=key.oldestVersion(); v<=key.latestVersion(false); v++) for(int i=0;i<3;i++){
        ApiMessage d=q==0?m.newRequest():m.newResponse();
        if(i>0) fill(d,(q==0?m.requestSchemas():m.responseSchemas())[v],i==2);
        Class<?> conv=Class.forName(d.getClass().getName()+"JsonConverter");
        JsonNode json=text((JsonNode)conv.getMethod("write",d.getClass(),short.class).invoke(null,d,v));
        if(!records.isEmpty()) throw new RuntimeException("records"); int cid=r.nextInt(); ObjectNode o=om.createObjectNode();
        o.put("message",q==0?"request":"response"); o.put("version",v); o.put("correlationId",cid);
        byte[] h;
        if(q==0){ String client=r.nextInt(4)==0?null:r.nextInt(6)==0?"":word(); o.put("clientId",client);
          h=bytes(new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(v).setCorrelationId(cid).setClientId(client),key.requestHeaderVersion(v)); }
        else h=bytes(new ResponseHeaderData().setCorrelationId(cid),key.responseHeaderVersion(v));
        byte[] body=bytes(d,v);
        // Kafka must read back what it wrote.
        ApiMessage back=q==0?m.newRequest():m.newResponse(); back.read(new ByteBufferAccessor(ByteBuffer.wrap(body)),v); if(!Arrays.equals(bytes(back,v),body)) throw new RuntimeException("not read back");
        o.put("hex",hex(h,body)); o.set("json",json);
        rows.add(om.writeValueAsString(o));
      }
      String file=m.name.replaceAll("(?<!^)([A-Z])","-$1").toLowerCase();
      String out="{\"madeWith\":\"kafka-clients 4.1.1: its message classes serialised, its JsonConverter classes for json; of three instances the first holds defaults, the second sets every field (of a list that may be null only in the first element), the third has null wherever null may be; int64 beyond 2^53 as text; bytes as base64; frames with their size\",\n\"api\":\""+m.name+"\",\"vectors\":[\n"+rows+"\n]}\n";
      Files.writeString(Path.of(a[0],file+".json"),out);
    }
  }
}
