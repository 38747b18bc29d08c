#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#include "dynlib.h"

lao_status_t lao__dynlib_open(const char *path, void **handle, lao__error_t *error) {
    const char *reason;
    if (path[0] != '/') {
        return lao__fail(error, LAO_LOAD_FAILED, "`%s` is not an absolute path", path);
    }
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL) {
        reason = dlerror();
        return lao__fail(error, LAO_LOAD_FAILED, "%s", reason != NULL ? reason : "the loader refused it");
    }
    return LAO_OK;
}

bool lao__dynlib_find(void *handle, const char *name, lao__symbol_t *symbol) {
    struct link_map *library = NULL;
    const ElfW(Sym) *entry = NULL;
    struct link_map *owner = NULL;
    Dl_info info;
    memset(symbol, 0, sizeof *symbol);
    symbol->address = dlsym(handle, name);
    if (symbol->address == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &library) != 0) {
        return false;
    }
    if (dladdr1(symbol->address, &info, (void **)&owner, RTLD_DL_LINKMAP) == 0 || owner != library) {
        return false; /* found in a dependency */
    }
    if (dladdr1(symbol->address, &info, (void **)&entry, RTLD_DL_SYMENT) != 0 && entry != NULL &&
        info.dli_saddr == symbol->address) {
        symbol->size = (size_t)entry->st_size;
        switch (entry->st_info & 0xf) { /* ELF32_ST_TYPE and ELF64_ST_TYPE are the same */
        case STT_FUNC:
        case STT_GNU_IFUNC:
            symbol->kind = LAO__SYMBOL_FUNCTION;
            break;
        case STT_OBJECT:
            symbol->kind = LAO__SYMBOL_OBJECT;
            break;
        default:
            break;
        }
    }
    return true;
}

typedef struct lookup {
    uintptr_t address;
    size_t bytes_left;
    bool executable;
} lookup_t;

static int look_in_object(struct dl_phdr_info *object, size_t size, void *context) {
    lookup_t *lookup = context;
    int index;
    (void)size;
    for (index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        uintptr_t start = (uintptr_t)object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && lookup->address >= start && lookup->address - start < segment->p_memsz) {
            lookup->bytes_left = (size_t)(segment->p_memsz - (lookup->address - start));
            lookup->executable = (segment->p_flags & PF_X) != 0;
            return 1;
        }
    }
    return 0;
}

static lookup_t look_up(const void *address) {
    lookup_t lookup = {.address = (uintptr_t)address};
    if (address != NULL) {
        dl_iterate_phdr(look_in_object, &lookup);
    }
    return lookup;
}

bool lao__dynlib_is_code(const void *address) { return look_up(address).executable; }

size_t lao__dynlib_readable_bytes(const void *address) { return look_up(address).bytes_left; }
