// What a plugin is declared to be.
#ifndef LAO_CPP_PLUGIN_HPP
#define LAO_CPP_PLUGIN_HPP

#include "capability.hpp"

namespace lao {

enum class Threads : std::uint32_t {
    unsafe = LAO_THREADS_UNSAFE,     // one call at a time in the whole library
    instance = LAO_THREADS_INSTANCE, // one call at a time per instance
    full = LAO_THREADS_FULL          // any number of calls at the same time
};

// An event that a plugin emits.
struct DeclaredEvent {
    std::string name, description, schema;
};

// What a plugin consists of. `P` is the author's class; one object of it is made per instance, from a Config or from
// nothing. Members of `P` that are used when they are there:
//   std::string save_state() const; void load_state(std::string_view); static constexpr std::uint32_t state_version;
//       hand the state over to a new instance, perhaps of a newer library, on hot reload
//   void configure(const lao::Config &);   takes new settings while it lives; on an exception the old ones stay
//   void health();                         throws while the instance cannot serve
//   void on_event(const lao::Event &);     gets the events that the host was told to deliver
//   static void shutdown();                called once, after the last instance is gone
template <class P> class Plugin {
  public:
    Plugin(std::string name, std::string version, Threads threads)
        : name_(std::move(name)), version_(std::move(version)), threads_(threads) {}

    Plugin &description(std::string text) {
        description_ = std::move(text);
        return *this;
    }

    // Declares the settings, which are checked before an instance sees them.
    Plugin &settings(std::vector<Param> fields) {
        settings_ = std::move(fields);
        return *this;
    }

    // Declares an event that the plugin emits, and the fields of its data.
    Plugin &event(std::string name, std::string description, const std::vector<Param> &fields = {}) {
        events_.push_back({std::move(name), std::move(description), detail::schema_of(fields, false)});
        return *this;
    }

    // Adds a capability. The function's parameters say what it takes, in any order: at most one input
    // (std::string_view, JsonView, Bytes, FileView, TensorView<T>, ImageView<T>, AudioView<T>, VideoView<T>, AnyTensor and
    // its like, ValueView, or a Receiver of one of them), const Call &, and a Sender. Its result says what it gives:
    // std::string, Text, Json, JsonObject, Binary, std::vector<uint8_t>, Media, File, Tensor<T>, Image<T>, Audio<T>,
    // Video<T>, TensorOut and its like, Value.
    template <class R, class C, class... A>
    Plugin &capability(std::string name, std::string description, R (C::*method)(A...) const,
                       std::vector<Param> params = {}) {
        return add<R (C::*)(A...) const, R, A...>(std::move(name), std::move(description), method, std::move(params));
    }
    template <class R, class C, class... A>
    Plugin &capability(std::string name, std::string description, R (C::*method)(A...),
                       std::vector<Param> params = {}) {
        return add<R (C::*)(A...), R, A...>(std::move(name), std::move(description), method, std::move(params));
    }
    // One that takes several requests at once, up to max_batch(): a function of a Batch.
    template <class C, class V, class R>
    Plugin &capability(std::string name, std::string description, void (C::*method)(Batch<V, R> &) const,
                       std::vector<Param> params = {}) {
        return add_batch<void (C::*)(Batch<V, R> &) const, V, R>(std::move(name), std::move(description), method,
                                                                 std::move(params));
    }
    template <class C, class V, class R>
    Plugin &capability(std::string name, std::string description, void (C::*method)(Batch<V, R> &),
                       std::vector<Param> params = {}) {
        return add_batch<void (C::*)(Batch<V, R> &), V, R>(std::move(name), std::move(description), method,
                                                           std::move(params));
    }

    // About the capability that was added last.
    Plugin &idempotent() {
        capabilities_.back().flags |= LAO_CAPABILITY_IDEMPOTENT;
        return *this;
    }
    // How many requests a function of a Batch gets at most.
    Plugin &max_batch(std::uint32_t requests) {
        capabilities_.back().max_batch = requests;
        return *this;
    }
    // The members of its JSON input, and of its JSON output.
    Plugin &input_fields(const std::vector<Param> &fields) { return input_schema(detail::schema_of(fields, true)); }
    Plugin &output_fields(const std::vector<Param> &fields) { return output_schema(detail::schema_of(fields, true)); }
    // The same as JSON Schema, for what fields cannot say.
    Plugin &input_schema(std::string json) {
        capabilities_.back().input_schema = std::move(json);
        return *this;
    }
    Plugin &output_schema(std::string json) {
        capabilities_.back().output_schema = std::move(json);
        return *this;
    }

  private:
    template <class> friend class PluginTable;

    template <class Method, class R, class... A>
    Plugin &add(std::string name, std::string description, Method method, std::vector<Param> params) {
        begin(std::move(name), std::move(description), std::move(params)).template bind<Method, R, A...>(method);
        return *this;
    }
    template <class Method, class V, class R>
    Plugin &add_batch(std::string name, std::string description, Method method, std::vector<Param> params) {
        begin(std::move(name), std::move(description), std::move(params)).template bind_batch<Method, V, R>(method);
        return *this;
    }
    Capability<P> &begin(std::string name, std::string description, std::vector<Param> params) {
        Capability<P> &made = capabilities_.emplace_back();
        made.name = std::move(name);
        made.description = std::move(description);
        made.params_schema = detail::schema_of(params, false);
        made.params = std::move(params);
        return made;
    }

    std::string name_, version_, description_;
    Threads threads_;
    std::vector<Capability<P>> capabilities_;
    std::vector<Param> settings_;
    std::vector<DeclaredEvent> events_;
};

} // namespace lao

#endif // LAO_CPP_PLUGIN_HPP
