// A receiver of the NRL implementation, for tests. Arguments are key=value:
//
//   addr port iface id seed txport ttl     the session; addr may be a unicast address
//   txloss rxloss                          percent of messages that are dropped on the way out, in
//   dir=FOLDER count=N                     where objects go; how many to wait for
//   unicast=1 silent=1 sync=0|1|2 buffer   feedback; NormSyncPolicy; bytes of buffer per sender
//   boundary=1                             NACKs only at the ends of objects
//   sizes=FILE                             stream: expected length of each message, one a line
//   hold=1 linger=SECONDS secs=SECONDS     when done, lives on until standard input ends or the time
//                                          has passed; time after which it gives up
//
// A FILE is written under its sanitised NORM_INFO, DATA to data-<n>, a STREAM to stream-<n>, counted
// from 0 in the order in which objects are first heard of. The library marks where messages begin but
// does not say where they end; so with sizes=, each expected boundary is looked at, and
// stream-<n>.lengths lists the lengths between those that were there. That needs messages that begin
// their segments: a sender that flushes after each.
//
// Prints events as lines of JSON. Exit code 0: all objects are there; 2: it took too long.

#include "peer.hpp"

#include <map>
#include <poll.h>
#include <unistd.h>

struct Object
{
    int index = 0;
    std::string info;
    bool has_info = false;
    // Streams only.
    FILE* content = nullptr;
    FILE* lengths = nullptr;
    size_t message = 0, read = 0, length = 0;
    bool at_boundary = true;
};

// Only a plain name of the last part, so that nothing leaves the folder.
static std::string sanitised(const std::string& name)
{
    std::string last = name.substr(name.rfind('/') + 1), clean;
    for (unsigned char c : last) clean += c < 0x20 || c == 0x7f ? '_' : static_cast<char>(c);
    if (clean.empty() || clean == "." || clean == "..") return "unnamed";
    return clean;
}

class Receiving
{
public:
    Receiving(NormInstanceHandle instance, const Arguments& arguments)
        : instance(instance), folder(arguments.text("dir", ".") + "/")
    {
        if (arguments.has("sizes")) sizes = read_sizes(arguments.text("sizes"));
    }

    int completed() const { return done; }

    void handle(const NormEvent& event)
    {
        switch (event.type) {
        case NORM_RX_OBJECT_NEW: {
            Object& object = find(event.object);
            Event("rx_object_new").with("n", object.index)
                .with("kind", kind_name(NormObjectGetType(event.object)))
                .with("bytes", static_cast<double>(NormObjectGetSize(event.object)));
            break;
        }
        case NORM_RX_OBJECT_INFO: info(event.object); break;
        case NORM_RX_OBJECT_UPDATED:
            if (NormObjectGetType(event.object) == NORM_OBJECT_STREAM) read(event.object);
            break;
        case NORM_RX_OBJECT_COMPLETED: complete(event.object); break;
        case NORM_RX_OBJECT_ABORTED: {
            Event("rx_object_aborted").with("n", find(event.object).index)
                .with("kind", kind_name(NormObjectGetType(event.object)));
            forget(event.object);
            break;
        }
        case NORM_RX_CMD_NEW: {
            char buffer[65536];
            unsigned length = sizeof buffer;
            bool got = NormNodeGetCommand(event.sender, buffer, &length);
            Event("rx_cmd_new").with("content", got ? std::string(buffer, length) : "");
            break;
        }
        case NORM_GRTT_UPDATED:
            Event("grtt_updated").with("grtt", NormNodeGetGrtt(event.sender));
            break;
        default: {
            Event line(event_name(event.type));
            if (event.sender != NORM_NODE_INVALID) line.with("sender", NormNodeGetId(event.sender));
        }
        }
    }

private:
    Object& find(NormObjectHandle handle)
    {
        auto place = objects.find(handle);
        if (place == objects.end()) {
            place = objects.emplace(handle, Object()).first;
            place->second.index = heard++;
        }
        return place->second;
    }

    void forget(NormObjectHandle handle)
    {
        Object& object = find(handle);
        if (object.content) fclose(object.content);
        if (object.lengths) fclose(object.lengths);
        objects.erase(handle);
    }

    void info(NormObjectHandle handle)
    {
        Object& object = find(handle);
        char buffer[65536];
        UINT16 length = NormObjectGetInfo(handle, buffer, 65535);
        object.info.assign(buffer, length);
        object.has_info = true;
        Event("rx_object_info").with("n", object.index).with("info", object.info);
    }

    std::string path(const char* kind, const Object& object) const
    {
        return folder + kind + "-" + std::to_string(object.index);
    }

    void complete(NormObjectHandle handle)
    {
        Object& object = find(handle);
        NormObjectType type = NormObjectGetType(handle);
        double bytes = static_cast<double>(NormObjectGetSize(handle));
        std::string target;
        if (type == NORM_OBJECT_FILE) {
            target = object.has_info ? folder + sanitised(object.info) : path("file", object);
            if (!NormFileRename(handle, target.c_str())) Event("rename_failed").with("path", target);
        } else if (type == NORM_OBJECT_DATA) {
            target = path("data", object);
            FILE* file = create(target);
            const char* data = NormDataAccessData(handle);
            if (data && bytes > 0) fwrite(data, 1, static_cast<size_t>(bytes), file);
            fclose(file);
        } else {
            // The end of the stream is found by reading, so all has been read.
            open(object);
            target = path("stream", object);
            bytes = static_cast<double>(object.read);
            if (object.length > 0) fprintf(object.lengths, "%zu\n", object.length);
        }
        Event("rx_object_completed").with("n", object.index).with("kind", kind_name(type))
            .with("bytes", bytes).with("path", target);
        forget(handle);
        done++;
    }

    static FILE* create(const std::string& path)
    {
        FILE* file = fopen(path.c_str(), "wb");
        if (!file) {
            fprintf(stderr, "cannot write %s\n", path.c_str());
            exit(73);
        }
        return file;
    }

    void open(Object& object)
    {
        if (object.content) return;
        object.content = create(path("stream", object));
        object.lengths = create(path("stream", object) + ".lengths");
    }

    // Reads all that is there, stopping at each expected boundary to see whether it is one.
    void read(NormObjectHandle handle)
    {
        Object& object = find(handle);
        open(object);
        static char buffer[65536];
        while (true) {
            size_t wanted = sizeof buffer;
            if (object.message < sizes.size()) {
                if (object.at_boundary) {
                    if (!NormStreamSeekMsgStart(handle)) return;
                    object.at_boundary = false;
                    UINT32 place = NormStreamGetReadOffset(handle);
                    if (place != static_cast<UINT32>(object.read))
                        Event("boundary_missed").with("n", object.index)
                            .with("expected", static_cast<double>(object.read)).with("found", place);
                    if (object.length > 0) fprintf(object.lengths, "%zu\n", object.length);
                    object.length = 0;
                }
                wanted = std::min(wanted, sizes[object.message] - object.length);
            }
            unsigned length = static_cast<unsigned>(wanted);
            if (!NormStreamRead(handle, buffer, &length)) {
                Event("stream_broken").with("n", object.index).with("at", static_cast<double>(object.read));
                continue;
            }
            if (length == 0) return;
            fwrite(buffer, 1, length, object.content);
            object.read += length;
            object.length += length;
            if (object.message < sizes.size() && object.length == sizes[object.message]) {
                object.message++;
                object.at_boundary = true;
            }
        }
    }

    NormInstanceHandle instance;
    std::string folder;
    std::vector<size_t> sizes;
    std::map<NormObjectHandle, Object> objects;
    int heard = 0, done = 0;
};

static bool input_ended()
{
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    char ignored[256];
    return poll(&input, 1, 0) > 0 && ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

int main(int count, char** words)
{
    Arguments arguments(count, words);
    NormInstanceHandle instance = NormCreateInstance();
    std::string folder = arguments.text("dir", ".") + "/";
    NormSetCacheDirectory(instance, folder.c_str());
    NormSessionHandle session = open_session(instance, arguments, 2);
    if (arguments.flag("unicast")) NormSetDefaultUnicastNack(session, true);
    if (arguments.has("sync"))
        NormSetDefaultSyncPolicy(session, static_cast<NormSyncPolicy>(arguments.number("sync")));
    if (arguments.flag("silent")) NormSetSilentReceiver(session, true, -1);
    if (arguments.flag("boundary")) NormSetDefaultRepairBoundary(session, NORM_BOUNDARY_OBJECT);
    if (!NormStartReceiver(session, static_cast<UINT32>(arguments.number("buffer", 64 << 20)))) {
        fprintf(stderr, "cannot start the receiver\n");
        return 70;
    }
    NormSetRxSocketBuffer(session, 4 << 20);
    Receiving receiving(instance, arguments);
    Event("ready").with("port", NormGetRxPort(session));
    int wanted = static_cast<int>(arguments.number("count", 1));
    double end = START + arguments.number("secs", 20), ended = 0;
    while (now() < end) {
        NormEvent event;
        if (next_event(instance, &event, 0.02)) receiving.handle(event);
        if (receiving.completed() < wanted) continue;
        if (ended == 0) {
            ended = now();
            Event("done").with("objects", receiving.completed());
        }
        bool held = arguments.flag("hold") ? !input_ended() : now() - ended < arguments.number("linger", 0);
        if (!held) break;
    }
    int code = receiving.completed() >= wanted ? 0 : 2;
    Event("end").with("code", code);
    NormStopReceiver(session);
    NormDestroySession(session);
    NormDestroyInstance(instance);
    return code;
}
