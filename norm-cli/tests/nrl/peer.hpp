// What both test peers share: arguments, time, and events as lines of JSON.
#pragma once

#include <normApi.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/select.h>
#include <sys/time.h>
#include <utility>
#include <vector>

inline double now()
{
    timeval time;
    gettimeofday(&time, nullptr);
    return time.tv_sec + time.tv_usec * 1e-6;
}

inline const double START = now();

// Arguments of the form key=value. A key may come several times; then the last one counts, except
// where all are asked for.
class Arguments
{
public:
    Arguments(int count, char** words)
    {
        for (int i = 1; i < count; i++) {
            std::string word = words[i];
            size_t end = word.find('=');
            if (end == std::string::npos) {
                fprintf(stderr, "not of the form key=value: %s\n", words[i]);
                exit(64);
            }
            all.push_back({word.substr(0, end), word.substr(end + 1)});
        }
    }

    bool has(const std::string& key) const { return !every(key).empty(); }

    std::string text(const std::string& key, const std::string& otherwise = "") const
    {
        std::vector<std::string> values = every(key);
        return values.empty() ? otherwise : values.back();
    }

    double number(const std::string& key, double otherwise = 0) const
    {
        return has(key) ? atof(text(key).c_str()) : otherwise;
    }

    bool flag(const std::string& key) const { return number(key) != 0; }

    std::vector<std::string> every(const std::string& key) const
    {
        std::vector<std::string> values;
        for (const auto& pair : all)
            if (pair.first == key) values.push_back(pair.second);
        return values;
    }

private:
    std::vector<std::pair<std::string, std::string>> all;
};

// One event, printed when it goes out of scope.
class Event
{
public:
    explicit Event(const char* name)
    {
        line << "{\"event\":\"" << name << "\",\"at\":" << now() - START;
    }
    ~Event()
    {
        printf("%s}\n", line.str().c_str());
        fflush(stdout);
    }
    Event& with(const char* key, double value)
    {
        std::ostringstream digits;
        digits.precision(17);
        digits << value;
        line << ",\"" << key << "\":" << digits.str();
        return *this;
    }
    Event& with(const char* key, const std::string& value)
    {
        line << ",\"" << key << "\":\"";
        for (unsigned char c : value) {
            if (c == '"' || c == '\\') {
                line << '\\' << c;
            } else if (c < 0x20 || c >= 0x7f) {
                char escaped[8];
                snprintf(escaped, sizeof escaped, "\\u%04x", c);
                line << escaped;
            } else {
                line << c;
            }
        }
        line << '"';
        return *this;
    }

private:
    std::ostringstream line;
};

// In the order of NormEventType.
inline const char* event_name(NormEventType type)
{
    static const char* const NAMES[] = {
        "invalid", "tx_queue_vacancy", "tx_queue_empty", "tx_flush_completed",
        "tx_watermark_completed", "tx_cmd_sent", "tx_object_sent", "tx_object_purged",
        "tx_rate_changed", "local_sender_closed", "remote_sender_new", "remote_sender_reset",
        "remote_sender_address", "remote_sender_active", "remote_sender_inactive",
        "remote_sender_purged", "rx_cmd_new", "rx_object_new", "rx_object_info",
        "rx_object_updated", "rx_object_completed", "rx_object_aborted", "rx_ack_request",
        "grtt_updated", "cc_active", "cc_inactive", "acking_node_new", "send_error",
        "user_timeout"};
    size_t index = static_cast<size_t>(type);
    return index < sizeof NAMES / sizeof *NAMES ? NAMES[index] : "unknown";
}

inline const char* kind_name(NormObjectType type)
{
    switch (type) {
    case NORM_OBJECT_DATA: return "data";
    case NORM_OBJECT_FILE: return "file";
    case NORM_OBJECT_STREAM: return "stream";
    default: return "none";
    }
}

// The next event, or false when none came within `seconds`.
inline bool next_event(NormInstanceHandle instance, NormEvent* event, double seconds)
{
    int descriptor = NormGetDescriptor(instance);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(descriptor, &set);
    timeval wait = {static_cast<time_t>(seconds),
                    static_cast<suseconds_t>(fmod(seconds, 1.0) * 1e6)};
    if (select(descriptor + 1, &set, nullptr, nullptr, &wait) <= 0) return false;
    return NormGetNextEvent(instance, event, false);
}

inline bool read_file(const std::string& path, std::string& bytes)
{
    std::ifstream file(path, std::ios::binary);
    if (!file) return false;
    bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return true;
}

// Numbers of a text file, one a line.
inline std::vector<size_t> read_sizes(const std::string& path)
{
    std::vector<size_t> sizes;
    std::ifstream file(path);
    for (size_t size; file >> size;) sizes.push_back(size);
    return sizes;
}

// A session set up as both sides need it on one host. Loss is tossed by rand(), hence the seed.
inline NormSessionHandle open_session(NormInstanceHandle instance, const Arguments& arguments,
                                      unsigned default_id)
{
    srand(static_cast<unsigned>(arguments.number("seed", 1)));
    NormSetDebugLevel(static_cast<unsigned>(arguments.number("debug", 0)));
    if (arguments.has("log")) NormOpenDebugLog(instance, arguments.text("log").c_str());
    NormSessionHandle session =
        NormCreateSession(instance, arguments.text("addr", "239.255.57.41").c_str(),
                          static_cast<UINT16>(arguments.number("port", 6003)),
                          static_cast<NormNodeId>(arguments.number("id", default_id)));
    if (session == NORM_SESSION_INVALID) {
        fprintf(stderr, "cannot make the session\n");
        exit(70);
    }
    NormSetMulticastInterface(session, arguments.text("iface", "lo").c_str());
    NormSetRxPortReuse(session, true);
    NormSetMulticastLoopback(session, true);
    if (arguments.has("txport"))
        NormSetTxPort(session, static_cast<UINT16>(arguments.number("txport")), true);
    if (arguments.has("ttl"))
        NormSetTTL(session, static_cast<unsigned char>(arguments.number("ttl")));
    if (arguments.has("txloss")) NormSetTxLoss(session, arguments.number("txloss"));
    if (arguments.has("rxloss")) NormSetRxLoss(session, arguments.number("rxloss"));
    if (arguments.flag("trace")) NormSetMessageTrace(session, true);
    return session;
}
