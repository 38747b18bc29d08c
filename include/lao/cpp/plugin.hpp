// The plugin table, made from a class and its declared capabilities.
#ifndef LAO_CPP_PLUGIN_HPP
#define LAO_CPP_PLUGIN_HPP

#include "../ext/lifecycle.h"
#include "../ext/state.h"
#include "capability.hpp"

namespace lao {

enum class Threads : std::uint32_t {
    unsafe = LAO_THREADS_UNSAFE,     // one call at a time in the whole library
    instance = LAO_THREADS_INSTANCE, // one call at a time per instance
    full = LAO_THREADS_FULL          // any number of calls at the same time
};

// What a plugin consists of. `P` is the author's class; one object of it is made per instance, from a Config or from
// nothing. Members of `P` that the ABI's extensions use when they are there:
//   std::string save_state() const; void load_state(std::string_view); static constexpr std::uint32_t state_version;
//   void configure(const lao::Config &); void health();
template <class P> class Plugin {
  public:
    Plugin(std::string name, std::string version, Threads threads)
        : name_(std::move(name)), version_(std::move(version)), threads_(threads) {}

    Plugin &description(std::string text) {
        description_ = std::move(text);
        return *this;
    }

    // Adds a capability. The function's parameters say what it takes, in any order: at most one input
    // (std::string_view, JsonView, Bytes, FileView, TensorView<T>, ImageView<T>, AudioView<T>, ValueView, or a Receiver
    // of one of them), const Call &, and a Sender. Its result says what it gives: std::string, Text, Json, Binary,
    // std::vector<uint8_t>, File, Tensor<T>, Image<T>, Audio<T>, Value.
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

    // About the capability that was added last.
    Plugin &idempotent() {
        capabilities_.back().flags |= LAO_CAPABILITY_IDEMPOTENT;
        return *this;
    }
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
        Capability<P> made;
        made.name = std::move(name);
        made.description = std::move(description);
        made.params_schema = detail::schema_of(params);
        made.params = std::move(params);
        made.template bind<Method, R, A...>(method);
        capabilities_.push_back(std::move(made));
        return *this;
    }

    std::string name_, version_, description_;
    Threads threads_;
    std::vector<Capability<P>> capabilities_;
};

namespace detail {

template <class P, class = void> struct HasState : std::false_type {};
template <class P>
struct HasState<P, std::void_t<decltype(std::declval<P &>().save_state()),
                               decltype(std::declval<P &>().load_state(std::string_view()))>> : std::true_type {};
template <class P, class = void> struct HasConfigure : std::false_type {};
template <class P>
struct HasConfigure<P, std::void_t<decltype(std::declval<P &>().configure(std::declval<const Config &>()))>>
    : std::true_type {};
template <class P, class = void> struct HasHealth : std::false_type {};
template <class P> struct HasHealth<P, std::void_t<decltype(std::declval<P &>().health())>> : std::true_type {};
template <class P, class = void> struct StateVersion {
    static constexpr std::uint32_t value = 1;
};
template <class P> struct StateVersion<P, std::void_t<decltype(P::state_version)>> {
    static constexpr std::uint32_t value = P::state_version;
};

} // namespace detail

// The C tables behind a Plugin; made once, never destroyed, since outputs and threads may outlive everything else.
template <class P> class PluginTable {
  public:
    PluginTable(const lao_host_t *host, Plugin<P> plugin) : host_(host), plugin_(std::move(plugin)) {
        structs_.resize(plugin_.capabilities_.size());
        for (std::size_t i = 0; i < structs_.size(); i++) {
            const Capability<P> &from = plugin_.capabilities_[i];
            lao_capability_t &to = structs_[i];
            to.struct_size = sizeof to;
            to.flags = from.flags;
            to.name = from.name.c_str();
            to.description = from.description.c_str();
            to.input_kind = from.input_kind;
            to.output_kind = from.output_kind;
            to.input_schema = or_null(from.input_schema);
            to.output_schema = or_null(from.output_schema);
            to.params_schema = or_null(from.params_schema);
            pointers_.push_back(&to);
        }
        table_.struct_size = sizeof table_;
        table_.abi_version = LAO_ABI_VERSION;
        table_.name = plugin_.name_.c_str();
        table_.version = plugin_.version_.c_str();
        table_.description = or_null(plugin_.description_);
        table_.thread_role = static_cast<std::uint32_t>(plugin_.threads_);
        table_.capability_count = static_cast<std::uint32_t>(pointers_.size());
        table_.capabilities = pointers_.data();
        table_.create = create;
        table_.destroy = destroy;
        table_.call = call;
        table_.get_extension = get_extension;
    }

    // What lao_plugin_entry returns: nullptr when the host speaks another ABI or the definition throws.
    template <class Define> static const lao_plugin_t *enter(const lao_host_t *host, Define &&define) noexcept {
        if (host == nullptr || LAO_ABI_MAJOR_OF(host->abi_version) != LAO_ABI_MAJOR) {
            return nullptr;
        }
        try {
            if (the_ == nullptr) {
                the_ = new PluginTable(host, define());
            }
            return &the_->table_;
        } catch (const std::exception &failure) {
            Host(host).error(std::string("the plugin cannot be set up: ") + failure.what());
        } catch (...) {
            Host(host).error("the plugin cannot be set up");
        }
        return nullptr;
    }

  private:
    static const char *or_null(const std::string &text) noexcept { return text.empty() ? nullptr : text.c_str(); }
    static P &object(lao_instance_t *instance) noexcept { return *reinterpret_cast<P *>(instance); }

    static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                        lao_error_t *error) {
        return detail::guard(error, [&] {
            P *made;
            if constexpr (std::is_constructible_v<P, const Config &>) {
                made = new P(Config(Host(host), *config));
            } else {
                made = new P();
            }
            *instance = reinterpret_cast<lao_instance_t *>(made);
        });
    }

    static void LAO_CALL destroy(lao_instance_t *instance) {
        detail::guard(nullptr, [&] { delete &object(instance); });
    }

    static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                      lao_error_t *error) {
        return detail::guard(error, [&] {
            const auto &capabilities = the_->plugin_.capabilities_;
            if (request->capability >= capabilities.size()) {
                throw Error(LAO_UNKNOWN_CAPABILITY, "the plugin has no such capability");
            }
            const Capability<P> &wanted = capabilities[request->capability];
            detail::check(wanted.params, *request);
            wanted.run(object(instance), Call(Host(the_->host_), *request, wanted.params), *response);
        });
    }

    static lao_status_t LAO_CALL save(lao_instance_t *instance, lao_value_t *state, lao_error_t *error) {
        return detail::guard(error, [&] {
            const std::string bytes = object(instance).save_state();
            Value(Host(the_->host_), LAO_KIND_BINARY, bytes.data(), bytes.size()).give(*state);
        });
    }

    static lao_status_t LAO_CALL load(lao_instance_t *instance, const void *data, std::uint64_t size,
                                      std::uint32_t state_version, lao_error_t *error) {
        return detail::guard(error, [&] {
            if (state_version != detail::StateVersion<P>::value) {
                throw InvalidInput("the state is of version " + std::to_string(state_version) + ", not " +
                                   std::to_string(detail::StateVersion<P>::value));
            }
            object(instance).load_state(
                size > 0 ? std::string_view(static_cast<const char *>(data), static_cast<std::size_t>(size))
                         : std::string_view());
        });
    }

    static lao_status_t LAO_CALL configure(lao_instance_t *instance, const lao_config_t *config, lao_error_t *error) {
        if constexpr (detail::HasConfigure<P>::value) {
            return detail::guard(error, [&] { object(instance).configure(Config(Host(the_->host_), *config)); });
        } else {
            (void)instance, (void)config;
            return lao_fail(error, LAO_UNSUPPORTED, "the plugin cannot change its configuration while it runs");
        }
    }

    static lao_status_t LAO_CALL health(lao_instance_t *instance, lao_error_t *error) {
        return detail::guard(error, [&] {
            if constexpr (detail::HasHealth<P>::value) {
                object(instance).health();
            } else {
                (void)instance;
            }
        });
    }

    static const void *LAO_CALL get_extension(const char *id) {
        if constexpr (detail::HasState<P>::value) {
            static constexpr lao_state_plugin_t state = {sizeof state, detail::StateVersion<P>::value, save, load};
            if (std::string_view(id) == LAO_EXT_STATE) {
                return &state;
            }
        }
        if constexpr (detail::HasConfigure<P>::value || detail::HasHealth<P>::value) {
            static constexpr lao_lifecycle_plugin_t lifecycle = {sizeof lifecycle, 0, configure, health};
            if (std::string_view(id) == LAO_EXT_LIFECYCLE) {
                return &lifecycle;
            }
        }
        (void)id;
        return nullptr;
    }

    static inline PluginTable *the_ = nullptr;

    const lao_host_t *host_;
    Plugin<P> plugin_;
    std::vector<lao_capability_t> structs_;
    std::vector<const lao_capability_t *> pointers_;
    lao_plugin_t table_{};
};

namespace detail {

template <class P> P class_of(const Plugin<P> &);

} // namespace detail
} // namespace lao

// Makes the library a plugin. The argument is an expression of type lao::Plugin<P>. Once per library, outside of
// namespaces.
#define LAO_PLUGIN(...)                                                                                                \
    extern "C" LAO_EXPORT const lao_plugin_t *LAO_CALL lao_plugin_entry(const lao_host_t *host) {                      \
        using lao__plugin_class = decltype(lao::detail::class_of(__VA_ARGS__));                                        \
        return lao::PluginTable<lao__plugin_class>::enter(host, [] { return __VA_ARGS__; });                           \
    }

#endif // LAO_CPP_PLUGIN_HPP
