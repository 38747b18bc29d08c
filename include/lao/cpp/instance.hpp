// One object of the author's class, and what that class can do beyond capabilities.
#ifndef LAO_CPP_INSTANCE_HPP
#define LAO_CPP_INSTANCE_HPP

#include <type_traits>

#include "config.hpp"
#include "host.hpp"

namespace lao {

// An event that the host delivers to an instance.
struct Event {
    std::string_view callback; // which of the plugin's callbacks it was subscribed for
    std::string_view name;
    std::string_view json; // its data
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
template <class P, class = void> struct HasEvents : std::false_type {};
template <class P>
struct HasEvents<P, std::void_t<decltype(std::declval<P &>().on_event(std::declval<const Event &>()))>>
    : std::true_type {};
template <class P, class = void> struct HasShutdown : std::false_type {};
template <class P> struct HasShutdown<P, std::void_t<decltype(P::shutdown())>> : std::true_type {};
template <class P, class = void> struct StateVersion {
    static constexpr std::uint32_t value = 1;
};
template <class P> struct StateVersion<P, std::void_t<decltype(P::state_version)>> {
    static constexpr std::uint32_t value = P::state_version;
};

template <class T>
constexpr bool is_function_of_class =
    std::is_member_function_pointer_v<T> || std::is_function_v<std::remove_pointer_t<T>>;

// Whether a class has a function of that name, whatever it takes. One with several of that name counts as none.
#define LAO__NAMES(trait, name)                                                                                        \
    template <class P, class = void> struct trait : std::false_type {};                                                \
    template <class P> struct trait<P, std::enable_if_t<is_function_of_class<decltype(&P::name)>>> : std::true_type {}
LAO__NAMES(NamesSaveState, save_state);
LAO__NAMES(NamesLoadState, load_state);
LAO__NAMES(NamesConfigure, configure);
LAO__NAMES(NamesHealth, health);
LAO__NAMES(NamesEvents, on_event);
LAO__NAMES(NamesShutdown, shutdown);
#undef LAO__NAMES

// A function that is called like one of LAO's, but that LAO cannot call, is a mistake, not another function.
template <class P> constexpr bool hooks_fit() {
    static_assert(HasState<P>::value || !(NamesSaveState<P>::value || NamesLoadState<P>::value),
                  "state takes both: std::string save_state() and void load_state(std::string_view)");
    static_assert(HasConfigure<P>::value || !NamesConfigure<P>::value, "write: void configure(const lao::Config &)");
    static_assert(HasEvents<P>::value || !NamesEvents<P>::value, "write: void on_event(const lao::Event &)");
    static_assert(HasShutdown<P>::value || !NamesShutdown<P>::value, "write: static void shutdown()");
    static_assert(HasHealth<P>::value || !NamesHealth<P>::value, "write: void health()");
    if constexpr (HasHealth<P>::value) {
        static_assert(std::is_void_v<decltype(std::declval<P &>().health())>,
                      "health() returns nothing: it throws while the instance cannot serve");
    }
    return true;
}

// An object of the author's class, and the host table that speaks for it.
template <class P> struct Instance {
    Instance(Host of, const Config &config) : host(of), object(make(config)) {}
    static P make(const Config &config) {
        if constexpr (std::is_constructible_v<P, const Config &>) {
            return P(config);
        } else {
            (void)config;
            return P();
        }
    }
    Host host;
    P object;
};

} // namespace detail

} // namespace lao

#endif // LAO_CPP_INSTANCE_HPP
