// The host's services through lao.hpp.
#include <lao/lao.hpp>
#include <unistd.h>

class Asker {
  public:
    explicit Asker(const lao::Config &) {}

    std::string scratch(std::string_view text, const lao::Call &call) const {
        const lao::Host host = call.host();
        call.progress(0.5, "half");
        lao::scratch_put(host, "key", text);
        const auto back = lao::scratch_get(host, "key");
        lao::scratch_remove(host, "key");
        return back.value_or("(none)") + "/" + lao::scratch_get(host, "key").value_or("(none)");
    }

    std::string file(std::string_view path, const lao::Call &call) const {
        char bytes[256];
        const auto handle = static_cast<int>(lao::open_file(call.host(), std::string(path)));
        const auto size = ::read(handle, bytes, sizeof bytes);
        ::close(handle);
        return std::string(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
    }

    std::string get(std::string_view url, const lao::Call &call) const {
        return lao::fetch(call.host(), "{\"url\":\"" + std::string(url) + "\"}").body;
    }

    std::string run(std::string_view word, const lao::Call &call) const {
        return lao::run_command(call.host(), {"echo", std::string(word)});
    }

    std::string other(std::string_view text, const lao::Call &call) const {
        return lao::call_plugin(call, "nobody", "echo", text);
    }
};

LAO_PLUGIN(lao::Plugin<Asker>("asker", "1.0.0", lao::Threads::full)
               .capability("scratch", "Puts, gets and removes", &Asker::scratch)
               .capability("file", "Reads a file", &Asker::file)
               .capability("get", "Fetches", &Asker::get)
               .capability("run", "Runs echo", &Asker::run)
               .capability("other", "Calls another plugin", &Asker::other))
