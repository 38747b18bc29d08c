// The C tables behind a declared plugin.
#ifndef LAO_CPP_TABLE_HPP
#define LAO_CPP_TABLE_HPP

#include "../ext/batch.h"
#include "../ext/lifecycle.h"
#include "../ext/state.h"
#include "instance.hpp"
#include "plugin.hpp"

namespace lao {

// Made once, never destroyed, since outputs and threads may outlive everything else.
template <class P> class PluginTable {
  public:
    explicit PluginTable(Plugin<P> plugin) : plugin_(std::move(plugin)) {
        add_capabilities();
        add_events();
        if (!plugin_.settings_.empty()) {
            config_schema_ = detail::schema_of(plugin_.settings_, true);
        }
        table_.struct_size = sizeof table_;
        table_.abi_version = LAO_ABI_VERSION;
        table_.name = plugin_.name_.c_str();
        table_.version = plugin_.version_.c_str();
        table_.description = or_null(plugin_.description_);
        table_.thread_role = static_cast<std::uint32_t>(plugin_.threads_);
        table_.capability_count = static_cast<std::uint32_t>(capability_pointers_.size());
        table_.capabilities = capability_pointers_.data();
        table_.create = create;
        table_.destroy = destroy;
        table_.call = call;
        table_.get_extension = get_extension;
        table_.shutdown = detail::HasShutdown<P>::value ? shutdown : nullptr;
        table_.config_schema = or_null(config_schema_);
        table_.events = event_pointers_.data();
        table_.event_count = static_cast<std::uint32_t>(event_pointers_.size());
    }

    // What lao_plugin_entry returns: nullptr when the host speaks another ABI or the definition throws.
    template <class Define> static const lao_plugin_t *enter(const lao_host_t *host, Define &&define) noexcept {
        if (host == nullptr || LAO_ABI_MAJOR_OF(host->abi_version) != LAO_ABI_MAJOR) {
            return nullptr;
        }
        try {
            if (the_ == nullptr) {
                the_ = new PluginTable(define());
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
    using Instance = detail::Instance<P>;

    static const char *or_null(const std::string &text) noexcept { return text.empty() ? nullptr : text.c_str(); }
    static Instance &of(lao_instance_t *instance) noexcept { return *reinterpret_cast<Instance *>(instance); }

    void add_capabilities() {
        capabilities_.resize(plugin_.capabilities_.size());
        for (std::size_t i = 0; i < capabilities_.size(); i++) {
            const Capability<P> &from = plugin_.capabilities_[i];
            lao_capability_t &to = capabilities_[i];
            to.struct_size = sizeof to;
            to.flags = from.flags;
            to.name = from.name.c_str();
            to.description = from.description.c_str();
            to.input_kind = from.input_kind;
            to.output_kind = from.output_kind;
            to.input_schema = or_null(from.input_schema);
            to.output_schema = or_null(from.output_schema);
            to.params_schema = or_null(from.params_schema);
            to.max_batch = from.max_batch;
            capability_pointers_.push_back(&to);
        }
    }

    void add_events() {
        events_.resize(plugin_.events_.size());
        for (std::size_t i = 0; i < events_.size(); i++) {
            const DeclaredEvent &from = plugin_.events_[i];
            events_[i] = {sizeof(lao_declared_event_t), 0, from.name.c_str(), or_null(from.description),
                          from.schema.c_str()};
            event_pointers_.push_back(&events_[i]);
        }
    }

    // The capability that a request asks for, with its parameters checked.
    static const Capability<P> &wanted(const lao_request_t &request) {
        const auto &capabilities = the_->plugin_.capabilities_;
        if (request.capability >= capabilities.size()) {
            throw Error(LAO_UNKNOWN_CAPABILITY, "the plugin has no such capability");
        }
        detail::check(capabilities[request.capability].params, request);
        return capabilities[request.capability];
    }

    static lao_status_t LAO_CALL create(const lao_host_t *host, const lao_config_t *config, lao_instance_t **instance,
                                        lao_error_t *error) {
        return detail::guard(error, [&] {
            auto *made = new Instance(Host(host), Config(Host(host), *config, the_->plugin_.settings_));
            *instance = reinterpret_cast<lao_instance_t *>(made);
        });
    }

    static void LAO_CALL destroy(lao_instance_t *instance) {
        detail::guard(nullptr, [&] { delete &of(instance); });
    }

    static lao_status_t LAO_CALL call(lao_instance_t *instance, const lao_request_t *request, lao_response_t *response,
                                      lao_error_t *error) {
        lao_status_t status = LAO_OK;
        const lao_status_t reached = detail::guard(error, [&] {
            const Capability<P> &capability = wanted(*request);
            const Call call(of(instance).host, *request, capability.params);
            if (capability.run_batch) {
                std::vector<detail::Slot> slots{{call, response, error, &status, false}};
                run_batch(of(instance).object, capability, slots);
            } else {
                capability.run(of(instance).object, call, *response);
            }
        });
        return reached != LAO_OK ? reached : status;
    }

    static void run_batch(P &object, const Capability<P> &capability, std::vector<detail::Slot> &slots) {
        lao_error_t said{};
        char text[1024];
        said.struct_size = sizeof said;
        said.text_capacity = sizeof text - 1;
        said.text = text;
        lao_status_t status = detail::guard(&said, [&] { capability.run_batch(object, slots); });
        text[said.text_size] = '\0';
        for (auto &slot : slots) {
            if (!slot.answered && status != LAO_OK) {
                slot.set(lao_fail(slot.error, status, text));
            } else if (!slot.answered) {
                slot.set(lao_fail(slot.error, LAO_FAILED, "the plugin gave no answer to this request"));
            }
        }
    }

    static void LAO_CALL call_batch(lao_instance_t *instance, std::uint32_t count, const lao_request_t *const *requests,
                                    lao_response_t *const *responses, lao_error_t *const *errors,
                                    lao_status_t *statuses) {
        const Capability<P> *capability = nullptr;
        std::vector<detail::Slot> slots;
        for (std::uint32_t i = 0; i < count; i++) {
            statuses[i] = detail::guard(errors[i], [&] {
                const Capability<P> &asked = wanted(*requests[i]);
                if (!asked.run_batch || (capability != nullptr && capability != &asked)) {
                    throw InvalidInput("a batch is of one capability, which takes batches");
                }
                capability = &asked;
                slots.push_back({Call(of(instance).host, *requests[i], asked.params), responses[i], errors[i],
                                 &statuses[i], false});
            });
        }
        if (capability != nullptr) {
            run_batch(of(instance).object, *capability, slots);
        }
    }

    static lao_status_t LAO_CALL save(lao_instance_t *instance, lao_value_t *state, lao_error_t *error) {
        return detail::guard(error, [&] {
            const std::string bytes = of(instance).object.save_state();
            Value(of(instance).host, LAO_KIND_BINARY, bytes.data(), bytes.size()).give(*state);
        });
    }

    static lao_status_t LAO_CALL load(lao_instance_t *instance, const void *data, std::uint64_t size,
                                      std::uint32_t state_version, lao_error_t *error) {
        return detail::guard(error, [&] {
            if (state_version != detail::StateVersion<P>::value) {
                throw InvalidInput("the state is of version " + std::to_string(state_version) + ", not " +
                                   std::to_string(detail::StateVersion<P>::value));
            }
            of(instance).object.load_state(
                size > 0 ? std::string_view(static_cast<const char *>(data), static_cast<std::size_t>(size))
                         : std::string_view());
        });
    }

    static lao_status_t LAO_CALL configure(lao_instance_t *instance, const lao_config_t *config, lao_error_t *error) {
        if constexpr (detail::HasConfigure<P>::value) {
            return detail::guard(error, [&] {
                of(instance).object.configure(Config(of(instance).host, *config, the_->plugin_.settings_));
            });
        } else {
            (void)instance, (void)config;
            return lao_fail(error, LAO_UNSUPPORTED, "the plugin cannot change its configuration while it runs");
        }
    }

    static lao_status_t LAO_CALL health(lao_instance_t *instance, lao_error_t *error) {
        return detail::guard(error, [&] {
            if constexpr (detail::HasHealth<P>::value) {
                of(instance).object.health();
            } else {
                (void)instance;
            }
        });
    }

    static lao_status_t LAO_CALL on_event(lao_instance_t *instance, const char *callback, const char *name,
                                          const char *json, std::uint64_t json_size, lao_error_t *error) {
        return detail::guard(error, [&] {
            of(instance).object.on_event(
                Event{callback != nullptr ? callback : "", name, {json, static_cast<std::size_t>(json_size)}});
        });
    }

    static void LAO_CALL shutdown() {
        if constexpr (detail::HasShutdown<P>::value) {
            detail::guard(nullptr, [] { P::shutdown(); });
        }
    }

    static bool takes_batches() {
        for (const auto &capability : the_->plugin_.capabilities_) {
            if (capability.max_batch > 1) {
                return true;
            }
        }
        return false;
    }

    static const void *LAO_CALL get_extension(const char *id) {
        static_assert(detail::hooks_fit<P>());
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
        if constexpr (detail::HasEvents<P>::value) {
            static constexpr lao_events_plugin_t events = {sizeof events, 0, on_event};
            if (std::string_view(id) == LAO_EXT_EVENTS) {
                return &events;
            }
        }
        static constexpr lao_batch_plugin_t batch = {sizeof batch, 0, call_batch};
        return std::string_view(id) == LAO_EXT_BATCH && takes_batches() ? &batch : nullptr;
    }

    static inline PluginTable *the_ = nullptr;

    Plugin<P> plugin_;
    std::string config_schema_;
    std::vector<lao_capability_t> capabilities_;
    std::vector<const lao_capability_t *> capability_pointers_;
    std::vector<lao_declared_event_t> events_;
    std::vector<const lao_declared_event_t *> event_pointers_;
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

#endif // LAO_CPP_TABLE_HPP
