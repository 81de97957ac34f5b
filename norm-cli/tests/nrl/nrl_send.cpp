// A sender of the NRL implementation, for tests. Arguments are key=value:
//
//   addr port iface id seed txport ttl     the session; addr may be a unicast address
//   txloss rxloss                          percent of messages that are dropped on the way out, in
//   kind=file|data|stream path=FILE ...    what to send; path may come several times
//   info=TEXT                              NORM_INFO; for files their name unless given ("-": none)
//   sizes=FILE                             stream: length of each message, one a line
//   flush=each|end sbuf=BYTES              stream: when to flush; size of its buffer
//   segment nd np fec auto                 coding; auto is the parity sent before anybody asks
//   rate (bit/s) cc=1 grtt gsize backoff robust probe buffer inst txonly infoonly
//   acker=ID ... | autoack=1               who must acknowledge the last object; override=1
//   command=TEXT robustcommand=1           an application command, sent first
//   watermark=before-close|after-close     stream: whether its end is to be acknowledged, too
//   until=flush|watermark                  whether the flushes after the acknowledgment matter
//   stay=SECONDS secs=SECONDS              lives on after the end; time after which it gives up
//
// Prints events as lines of JSON. Exit code 0: all flushed, and acknowledged if asked for; 2: it took
// too long; 3: the library refused an object; 4: somebody did not acknowledge.

#include "peer.hpp"

#include <deque>

class Sending
{
public:
    Sending(NormSessionHandle session, const Arguments& arguments)
        : session(session), arguments(arguments), kind(arguments.text("kind", "file")),
          paths(arguments.every("path"))
    {
    }

    // Gives the library as much as it takes. False when it refuses an object.
    bool feed()
    {
        while (stream == NORM_OBJECT_INVALID && next < paths.size())
            if (!enqueue(paths[next])) return false;
        if (stream != NORM_OBJECT_INVALID && !closed) write();
        return true;
    }

    bool all_given() const
    {
        return next == paths.size() && (stream == NORM_OBJECT_INVALID || closed);
    }

    // Asks for acknowledgment of the last object, once.
    void watch()
    {
        if (watched || last == NORM_OBJECT_INVALID) return;
        watched = true;
        bool set = NormSetWatermark(session, last, arguments.flag("override"));
        Event("watermark_set").with("accepted", set);
    }

private:
    std::string info(const std::string& path) const
    {
        std::string given = arguments.text("info", kind == "file" ? path.substr(path.rfind('/') + 1) : "-");
        return given == "-" ? "" : given;
    }

    bool enqueue(const std::string& path)
    {
        std::string about = info(path);
        const char* text = about.empty() ? nullptr : about.data();
        unsigned length = static_cast<unsigned>(about.size());
        NormObjectHandle object = NORM_OBJECT_INVALID;
        size_t bytes = 0;
        if (kind == "file") {
            object = NormFileEnqueue(session, path.c_str(), text, length);
        } else {
            contents.emplace_back();
            if (!read_file(path, contents.back())) {
                fprintf(stderr, "cannot read %s\n", path.c_str());
                exit(66);
            }
            bytes = contents.back().size();
            if (kind == "data")
                object = NormDataEnqueue(session, contents.back().data(),
                                         static_cast<UINT32>(bytes), text, length);
            else
                object = NormStreamOpen(session, static_cast<UINT32>(arguments.number("sbuf", 1 << 20)),
                                        text, length);
        }
        if (object == NORM_OBJECT_INVALID) {
            Event("refused").with("path", path).with("kind", kind);
            return false;
        }
        next++;
        last = object;
        Event("enqueued").with("path", path).with("bytes", static_cast<double>(NormObjectGetSize(object)));
        if (kind == "stream") open(object);
        return true;
    }

    void open(NormObjectHandle object)
    {
        stream = object;
        if (arguments.has("sizes")) sizes = read_sizes(arguments.text("sizes"));
        else if (!contents.back().empty()) sizes = {contents.back().size()};
    }

    void write()
    {
        const std::string& bytes = contents.back();
        bool each = arguments.text("flush", "end") == "each";
        while (message < sizes.size()) {
            size_t wanted = sizes[message] - written;
            unsigned taken = NormStreamWrite(stream, bytes.data() + at, static_cast<unsigned>(wanted));
            at += taken;
            written += taken;
            // The library says when there is room again.
            if (taken < wanted) return;
            message++;
            written = 0;
            if (each) NormStreamFlush(stream, true, NORM_FLUSH_PASSIVE);
            else NormStreamMarkEom(stream);
        }
        NormStreamFlush(stream, true, NORM_FLUSH_ACTIVE);
        if (arguments.has("acker") || arguments.flag("autoack"))
            if (arguments.text("watermark", "before-close") == "before-close") watch();
        NormStreamClose(stream, true);
        closed = true;
        Event("stream_closed").with("messages", static_cast<double>(message)).with("bytes", static_cast<double>(at));
    }

    NormSessionHandle session;
    const Arguments& arguments;
    std::string kind;
    std::vector<std::string> paths;
    // The library does not copy the content of DATA objects.
    std::deque<std::string> contents;
    size_t next = 0;
    NormObjectHandle last = NORM_OBJECT_INVALID;
    NormObjectHandle stream = NORM_OBJECT_INVALID;
    bool closed = false;
    bool watched = false;
    std::vector<size_t> sizes;
    size_t message = 0, written = 0, at = 0;
};

static NormSessionHandle set_up(NormInstanceHandle instance, const Arguments& arguments)
{
    NormSessionHandle session = open_session(instance, arguments, 1);
    if (arguments.flag("txonly")) NormSetTxOnly(session, true);
    NormSetTxRate(session, arguments.number("rate", 1e6));
    if (arguments.flag("cc")) NormSetCongestionControl(session, true, true);
    if (arguments.has("grtt")) NormSetGrttEstimate(session, arguments.number("grtt"));
    if (arguments.has("gsize")) NormSetGroupSize(session, static_cast<unsigned>(arguments.number("gsize")));
    if (arguments.has("backoff")) NormSetBackoffFactor(session, arguments.number("backoff"));
    if (arguments.has("robust")) NormSetTxRobustFactor(session, static_cast<int>(arguments.number("robust")));
    if (arguments.has("probe"))
        NormSetGrttProbingMode(session, static_cast<NormProbingMode>(arguments.number("probe")));
    if (arguments.flag("infoonly")) NormLimitObjectInfo(session, true);
    bool started = NormStartSender(
        session, static_cast<NormSessionId>(arguments.number("inst", 0x1234)),
        static_cast<UINT32>(arguments.number("buffer", 16 << 20)),
        static_cast<UINT16>(arguments.number("segment", 1400)),
        static_cast<UINT16>(arguments.number("nd", 64)), static_cast<UINT16>(arguments.number("np", 8)),
        static_cast<UINT8>(arguments.number("fec", 0)));
    if (!started) {
        fprintf(stderr, "cannot start the sender\n");
        exit(70);
    }
    NormSetTxSocketBuffer(session, 4 << 20);
    // Content must stay repairable however much of it there is.
    NormSetTxCacheBounds(session, static_cast<NormSize>(1) << 32, 8, 256);
    if (arguments.has("auto"))
        NormSetAutoParity(session, static_cast<unsigned char>(arguments.number("auto")));
    for (const std::string& id : arguments.every("acker"))
        NormAddAckingNode(session, static_cast<NormNodeId>(atof(id.c_str())));
    if (arguments.flag("autoack")) NormSetAutoAckingNodes(session, NORM_TRACK_RECEIVERS);
    if (arguments.has("command")) {
        std::string command = arguments.text("command");
        NormSendCommand(session, command.data(), static_cast<unsigned>(command.size()),
                        arguments.flag("robustcommand"));
    }
    return session;
}

static const char* status_name(NormAckingStatus status)
{
    switch (status) {
    case NORM_ACK_FAILURE: return "failure";
    case NORM_ACK_PENDING: return "pending";
    case NORM_ACK_SUCCESS: return "success";
    default: return "invalid";
    }
}

static void report(NormSessionHandle session, const NormEvent& event)
{
    Event line(event_name(event.type));
    if (event.type == NORM_GRTT_UPDATED) line.with("grtt", NormGetGrttEstimate(session));
    if (event.type == NORM_TX_RATE_CHANGED) line.with("rate", NormGetTxRate(session));
    if (event.type == NORM_ACKING_NODE_NEW) line.with("node", NormNodeGetId(event.sender));
    if (event.type == NORM_TX_WATERMARK_COMPLETED)
        line.with("status", status_name(NormGetAckingStatus(session)));
}

static void report_ackers(NormSessionHandle session)
{
    NormNodeId node = NORM_NODE_NONE;
    NormAckingStatus status;
    while (NormGetNextAckingNode(session, &node, &status))
        Event("acker").with("node", node).with("status", status_name(status));
}

int main(int count, char** words)
{
    Arguments arguments(count, words);
    NormInstanceHandle instance = NormCreateInstance();
    NormSessionHandle session = set_up(instance, arguments);
    Sending sending(session, arguments);
    Event("ready").with("port", NormGetTxPort(session));
    bool wants_ack = arguments.has("acker") || arguments.flag("autoack");
    bool flushed = false, answered = !wants_ack, acknowledged = true;
    double end = START + arguments.number("secs", 20), ended = 0;
    int code = 2;
    while (now() < end) {
        if (!sending.feed()) {
            code = 3;
            break;
        }
        if (wants_ack && sending.all_given()) sending.watch();
        bool enough = flushed || (wants_ack && acknowledged && arguments.text("until", "flush") == "watermark");
        if (enough && answered) {
            code = acknowledged ? 0 : 4;
            if (ended == 0) ended = now();
            if (now() - ended >= arguments.number("stay", 0)) break;
        }
        NormEvent event;
        if (!next_event(instance, &event, 0.05)) continue;
        if (event.type != NORM_TX_QUEUE_VACANCY && event.type != NORM_GRTT_UPDATED) report(session, event);
        if (event.type == NORM_TX_FLUSH_COMPLETED && sending.all_given()) flushed = true;
        if (event.type == NORM_TX_WATERMARK_COMPLETED && sending.all_given()) {
            report_ackers(session);
            answered = true;
            acknowledged = NormGetAckingStatus(session) == NORM_ACK_SUCCESS;
        }
    }
    Event("end").with("code", code);
    NormStopSender(session);
    NormDestroySession(session);
    NormDestroyInstance(instance);
    return code;
}
